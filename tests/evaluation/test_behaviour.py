from collections import Counter
from typing import get_args

import pytest
from records import prediction, unscored

from sentire.evaluation.behaviour.checks import (
    CHECK_LANGUAGES,
    CapabilityName,
    Check,
    Domain,
    Template,
    expand,
    read_checks,
    read_templates,
)
from sentire.evaluation.behaviour.suite import holds, run_checks
from sentire.evaluation.slices import script_of

SHARES = {
    "bad": (0.8, 0.1, 0.1),
    "dull": (0.2, 0.6, 0.2),
    "good": (0.1, 0.1, 0.8),
    "a shade better": (0.09, 0.1, 0.81),
}


@pytest.mark.parametrize("language", CHECK_LANGUAGES)
def test_the_suite_is_broad(language):
    templates = read_templates(language)
    capabilities = Counter(t.capability for t in templates)
    assert len(templates) >= 30
    expected = set(get_args(CapabilityName)) - ({"script"} if language == "en" else set())
    assert set(capabilities) == expected
    assert min(capabilities.values()) >= 5
    assert {t.domain for t in templates} == set(get_args(Domain))
    labels = Counter(t.expect for t in templates if t.expect)
    assert min(labels.values()) >= 10, "no label is expected much more often than another"


@pytest.mark.parametrize("language", CHECK_LANGUAGES)
def test_templates_say_what_their_kind_needs(language):
    for template in read_templates(language):
        compares = template.kind not in {"label", "swap"}
        assert bool(template.expect) == (template.kind == "label"), template.text
        assert bool(template.to) == compares, template.text
        assert all(f"{{{slot}}}" in template.text for slot in template.fill), template.text
        assert list(expand(template, language)), template.text


def test_no_check_is_made_twice_and_no_slot_stays_open():
    checks = read_checks()
    assert len({check.texts for check in checks}) == len(checks)
    texts = [text for check in checks for text in check.texts]
    assert [text for text in texts if "{" in text or not text.strip()] == []


def test_script_checks_compare_simplified_with_traditional():
    for check in read_checks(("zh",)):
        if check.capability == "script":
            scripts = [script_of(prediction(text)) for text in check.texts]
            assert scripts in (["simplified", "traditional"], ["traditional"]), check.texts


def test_every_combination_of_words_is_a_check():
    template = Template(
        capability="facts",
        domain="film",
        kind="label",
        expect="neutral",
        text="{a} {b}",
        fill={"a": ("1", "2"), "b": ("x", "y", "z")},
    )
    assert [c.texts[0] for c in expand(template, "en")] == [
        "1 x", "1 y", "1 z", "2 x", "2 y", "2 z"
    ]  # fmt: skip
    swaps = Template(
        capability="entities", domain="film", kind="swap", text="{a}!", fill={"a": ("1", "2", "3")}
    )
    assert [c.texts for c in expand(swaps, "en")] == [("1!", "2!"), ("1!", "3!")]


@pytest.mark.parametrize(
    ("kind", "first", "last", "passes"),
    [
        ("same", "good", "a shade better", True),
        ("same", "good", "dull", False),
        ("swap", "bad", "good", False),
        ("up", "dull", "good", True),
        ("up", "good", "a shade better", False),
        ("down", "good", "bad", True),
        ("down", "bad", "bad", False),
        ("not down", "good", "a shade better", True),
        ("not down", "a shade better", "good", True),
        ("not down", "good", "dull", False),
        ("not up", "bad", "bad", True),
        ("not up", "bad", "dull", False),
    ],
)
def test_what_passes(kind, first, last, passes):
    check = Check("intensity", "en", "film", kind, (first, last), "")
    assert (
        holds(check, [prediction(probabilities=SHARES[name]) for name in (first, last)]) == passes
    )


def test_a_label_passes_where_it_is_the_expected_one():
    check = Check("facts", "en", "film", "label", ("x",), "neutral")
    assert holds(check, [prediction(probabilities=SHARES["dull"])])
    assert not holds(check, [prediction(probabilities=SHARES["good"])])


def test_a_text_without_an_answer_fails():
    check = Check("typos", "en", "film", "same", ("x", "y"), "")
    assert not holds(check, [unscored(), unscored()])


def test_a_run_counts_every_check_once_and_lists_what_failed(tiny_analyzer):
    checks = read_checks()
    done = []
    result = run_checks(tiny_analyzer, checks, progress=lambda n, total: done.append((n, total)))
    assert result.n == len(checks) == sum(c.n for c in result.capabilities)
    assert result.n - result.passed == len(result.failures) > 0
    assert result.passed == sum(c.passed for c in result.capabilities)
    assert done[-1][0] == done[-1][1] == len({t for c in checks for t in c.texts})
    failure = next(f for f in result.failures if f.kind == "label")
    label = tiny_analyzer.analyze(failure.texts[0]).label
    assert failure.expected != label
    assert failure.predicted.startswith(f"{label} (")
