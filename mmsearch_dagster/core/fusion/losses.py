"""Three losses over one shape: a block of queries against a pool of items with known grades.

Legend: q queries, p items of the pool. `similarity` [q, p] are cosines, `grades` [q, p] are 0-3,
`usable` bool [q, p] is False where an item says nothing about a query (a duplicate of a positive).
"""

import torch
from torch import Tensor

from mmsearch_dagster.core.fusion.config import Loss, TrainParams

_TOP_GRADE = 3.0


def gains(grades: Tensor) -> Tensor:
    """Exponential gain 2^grade - 1, the one nDCG uses (Burges et al., 2005).

    Args:
        grades: of any shape.

    Returns:
        The same shape.
    """
    return torch.pow(2.0, grades) - 1.0


def contrastive(
    similarity: Tensor, grades: Tensor, usable: Tensor, params: TrainParams, scale: Tensor
) -> Tensor:
    """Cross entropy between softmax(similarity * scale) and the gains as a distribution.

    With one positive per query this is InfoNCE (van den Oord et al., 2018); with grades it is ListNet's
    top-one loss (Cao et al., 2007).

    Args:
        similarity: [q, n], cosines.
        grades: [q, n].
        usable: bool [q, n]; other items are left out.
        params: not used; all losses have the same arguments.
        scale: inverse temperature, a scalar.

    Returns:
        A scalar.
    """
    blocked = (similarity * scale).masked_fill(~usable, torch.finfo(similarity.dtype).min)
    target = gains(grades) * usable
    target = target / target.sum(dim=1, keepdim=True).clamp(min=1e-9)
    return -(target * torch.log_softmax(blocked, dim=1)).sum(dim=1).mean()


def triplet(similarity: Tensor, grades: Tensor, usable: Tensor, params: TrainParams, scale: Tensor) -> Tensor:
    """Hinge between each query's positives and its hardest lower-graded item of the pool.

    The margin grows with the difference in grade (Schroff et al., 2015, with graded margins).

    Args:
        similarity: [q, n], cosines.
        grades: [q, n].
        usable: bool [q, n]; other items are left out.
        params: the margin.
        scale: not used; all losses have the same arguments.

    Returns:
        A scalar.
    """
    losses = []
    for grade in (3.0, 2.0, 1.0):
        positive = (grades == grade) & usable
        negative = (grades < grade) & usable
        hard = similarity.masked_fill(~negative, -1.0).max(dim=1, keepdim=True).values
        gap = torch.relu(hard - similarity + params.margin * grade / _TOP_GRADE)
        count = positive.sum().clamp(min=1)
        losses.append((gap * positive).sum() / count)
    return torch.stack(losses).sum()


def cosine(similarity: Tensor, grades: Tensor, usable: Tensor, params: TrainParams, scale: Tensor) -> Tensor:
    """Moves positives towards 1 in proportion to their gain, the rest below zero; both sides weigh the same.

    Args:
        similarity: [q, n], cosines.
        grades: [q, n].
        usable: bool [q, n]; other items are left out.
        params: not used; all losses have the same arguments.
        scale: not used.

    Returns:
        A scalar.
    """
    weight = gains(grades) / gains(torch.tensor(_TOP_GRADE))
    positive = (grades > 0) & usable
    negative = (grades == 0) & usable
    near = ((1.0 - similarity) * weight * positive).sum() / (weight * positive).sum().clamp(min=1e-6)
    pushed = torch.relu(similarity) * negative
    far = pushed.square().sum() / (pushed > 0).sum().clamp(min=1)
    return near + 4.0 * far


LOSS_FUNCTIONS = {"contrastive": contrastive, "triplet": triplet, "cosine": cosine}


def loss_of(
    name: Loss,
    similarity: Tensor,
    grades: Tensor,
    usable: Tensor,
    *,
    params: TrainParams,
    scale: Tensor,
) -> Tensor:
    """The named loss; queries without any positive in the pool are left out.

    Args:
        name: name of the loss.
        similarity: [q, n], cosines.
        grades: [q, n].
        usable: bool [q, n]; other items are left out.
        params: what the losses read.
        scale: inverse temperature, a scalar.

    Returns:
        A scalar.
    """
    trainable = ((grades > 0) & usable).any(dim=1)
    return LOSS_FUNCTIONS[name](similarity[trainable], grades[trainable], usable[trainable], params, scale)
