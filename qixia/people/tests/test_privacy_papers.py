"""The papers say what the app says."""

import pytest
import yaml

from qixia.kernel.config import PROJECT_DIR
from qixia.people.apps import SEEDS

PAPERS = PROJECT_DIR / "docs" / "privacy"
TEXTS = yaml.safe_load((SEEDS / "consents.yaml").read_text(encoding="utf-8"))["texts"]


@pytest.mark.parametrize("text", TEXTS, ids=[text["kind"] for text in TEXTS])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_consent_paper_has_each_text_word_for_word(text, language):
    paper = (PAPERS / "consent.md").read_text(encoding="utf-8")
    assert [words for words in text[language].values() if words not in paper] == []
    assert f"（第 {text['version']} 版）" in paper


def test_the_photo_consent_says_what_protects_the_reporter():
    words = " ".join(next(text for text in TEXTS if text["kind"] == "photo")["zh"].values())
    for promise in ("遮挡", "加密", "个人信息保护负责人", "理由", "记录", "通知你", "默认密封"):
        assert promise in words


def test_the_assessment_covers_what_the_law_lists():
    paper = (PAPERS / "impact-assessment.md").read_text(encoding="utf-8")
    for part in ("第五十六条第一项", "第五十六条第二项", "第五十六条第三项", "剩余风险", "至少保存三年"):
        assert part in paper
