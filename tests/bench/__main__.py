"""`python -m tests.bench`: every ratio in one run on one machine; absolute times are never judged."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.presets import RunPreset, parse_preset
from mmsearch_dagster.demo_shop.write_shop import write_sample_store
from mmsearch_dagster.settings import DEFAULT_HOME, HomePaths, assets_folder
from tests.bench import first_search, image_speed, machine, report, rerun_cost, text_speed, wall_time
from tests.bench.child import REPOSITORY
from tests.bench.inputs import gather
from tests.bench.ratio import Ratio
from tests.bench.serving import measure as serving

PARTS = ("text", "image", "serving", "rerun", "first", "pipeline")


@dataclass(frozen=True)
class Size:
    """How much is measured. products: of the sample store, None for all of it.

    process_rounds: of what starts processes; a whole pipeline is compared once. served: products of the
    services under load, and searches of each kind and number of clients.
    """

    texts: int
    pictures: int
    rounds: int
    process_rounds: int
    products: int | None
    served: tuple[int, int]


FULL = Size(texts=1_000, pictures=256, rounds=5, process_rounds=2, products=None, served=(32_000, 200))
QUICK = Size(texts=128, pictures=16, rounds=2, process_rounds=1, products=120, served=(300, 24))


def main() -> None:
    """Measure, print, write."""
    asked = _arguments()
    console = Console()
    threads = machine.use_cores(asked.threads)
    facts = machine.facts(threads)
    with tempfile.TemporaryDirectory(prefix="mmsearch-bench-") as folder:
        ratios = measure(QUICK if asked.quick else FULL, asked.only, asked.data, Path(folder), console)
    report.show(ratios, facts, console)
    report.write(ratios, {**facts, "quick": asked.quick}, asked.out)
    console.print(f"written to {asked.out}")


def measure(size: Size, parts: list[str], data: Path, work: Path, console: Console) -> list[Ratio]:
    """The ratios of the asked parts, in the order of PARTS."""
    store = draw_store(size, work)
    preset, cache = _preset(), work / "encoders"
    inputs = gather(data, store, texts=size.texts, pictures=size.pictures)
    text, image = preset.encoder("text"), preset.encoder("image")
    ratios: list[Ratio] = []
    if "text" in parts and text is not None:
        console.print(f"text encoder ({inputs.origin})")
        ratios += text_speed.measure(inputs.texts, text, cache, rounds=size.rounds)
    if "image" in parts and image is not None:
        console.print(f"image encoder ({inputs.origin})")
        ratios += image_speed.measure(inputs.pictures, image, cache, rounds=size.rounds)
    if "serving" in parts and text is not None and image is not None:
        console.print("the released engine and a plain service under load")
        products, searches = size.served
        ratios += serving.measure(
            work,
            cache,
            {TEXT: text, IMAGE: image},
            console,
            products=products,
            searches=searches,
            rounds=size.process_rounds,
        )
    if "rerun" in parts:
        console.print("re-run with 1% changed products")
        ratios += rerun_cost.measure(store, work, preset.encoders, rounds=size.process_rounds)
    if "first" in parts:
        console.print("a first search and --help")
        ratios += first_search.measure(work, rounds=size.rounds)
    if "pipeline" in parts:
        console.print("pipeline through Dagster and plainly")
        source = None if size.products is None else store / "source.yaml"
        ratios += wall_time.measure(work, source, rounds=1)
    return ratios


def draw_store(size: Size, work: Path) -> Path:
    """The sample store in `work`, of fewer products when `size` says so; returns its folder."""
    spec = assets_folder() / "sample" / "store.yaml"
    if size.products is not None:
        fields = yaml.safe_load(spec.read_text(encoding="utf-8"))
        fields["products"]["count"] = size.products
        fields["broken_rows"] = {"missing_id": 1}  # the policy allows a share of broken rows
        spec = work / "store.yaml"
        spec.write_text(yaml.safe_dump(fields, allow_unicode=True), encoding="utf-8")
    return write_sample_store(spec, work / "store").parent


def _preset() -> RunPreset:
    file = assets_folder() / "presets" / "run.yaml"
    return parse_preset(file.read_text(encoding="utf-8"), str(file))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    reports = HomePaths(Path(DEFAULT_HOME)).reports
    parser.add_argument("--out", type=Path, default=reports / "bench.json", help="JSON report to write")
    parser.add_argument(
        "--data", type=Path, default=REPOSITORY.parent / "shared" / "data", help="fashion and grocery"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, no more")
    parser.add_argument("--threads", type=int, default=cores(), help="cores every contender gets")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
