from collections.abc import Callable

import pytest

from mmsearch_dagster.adapters.expectations.rules import parse_suite
from mmsearch_dagster.core.catalog.mapping.source_mapping import parse_source
from mmsearch_dagster.core.errors import SourceError, UserError
from mmsearch_dagster.core.gate.policy import parse_policy
from mmsearch_dagster.core.presets import parse_preset
from mmsearch_dagster.core.retrieval.business_rules import parse_rules
from mmsearch_dagster.core.yaml_text import load_yaml
from mmsearch_dagster.demo_shop.spec import parse_spec

UNREADABLE = {
    "a: [": "expected the node content",
    "seed: 2020-13-45": "month must be in 1..12",
    "a: !!int x": "invalid literal",
    "a: !!timestamp x": "",
    "a: !!bool x": "",
    "? [a]\n: b": "unhashable key",
    "[" * 1000: "nested too deeply",
    "{a: " * 1000: "nested too deeply",
    "a: 1\nb: 2\na: 3": "line 3: key 'a' stands twice; keep one",
    "a:\n  - {b: 1, b: 2}": "line 2: key 'b' stands twice",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_one_sentence_with_the_file(text: str):
    with pytest.raises(SourceError) as caught:
        load_yaml(text, "shop/source.yaml", SourceError)
    told = str(caught.value)
    assert told.startswith("shop/source.yaml: not readable as YAML: ")
    assert UNREADABLE[text] in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "parse", [parse_preset, parse_policy, parse_rules, parse_suite, parse_spec, parse_source]
)
@pytest.mark.parametrize("text", UNREADABLE)
def test_every_reader_of_a_reviewed_file_tells_it_so(parse: Callable[[str, str], object], text: str):
    with pytest.raises(UserError, match=r"家\.yaml: not readable as YAML"):
        parse(text, "家.yaml")


def test_a_merged_mapping_may_say_a_key_again():
    text = "deep: {base: &b {<<: &a {x: 1, y: 2}, x: 3}}\nover: {<<: *b, y: 4}\ntwo: [{x: 1}, {x: 2}]"
    assert load_yaml(text, "f")["over"] == {"x": 3, "y": 4}


def test_a_text_that_is_read_again_gives_a_document_of_its_own():
    text = "rules: [{name: a}]"
    load_yaml(text, "f")["rules"][0]["name"] = "changed"
    assert load_yaml(text, "f") == {"rules": [{"name": "a"}]}
