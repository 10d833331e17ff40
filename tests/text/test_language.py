import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentire.text.language import LanguageIdentifier


@pytest.fixture(scope="module")
def identify():
    return LanguageIdentifier(("zh", "en"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("房间太小，服务态度也很差", "zh", id="Chinese"),
        pytest.param("這家餐廳的服務態度很差", "zh", id="traditional Chinese"),
        pytest.param("差评", "zh", id="two characters"),
        pytest.param("Wi-Fi不行", "zh", id="a Latin name in Chinese"),
        pytest.param("太low了", "zh", id="a Latin word in Chinese"),
        pytest.param("iPhone 很好用", "zh", id="a product name first"),
        pytest.param("鲜の味道很好吃下次还来", "zh", id="kana as decoration"),
        pytest.param("(づ｡◕‿‿◕｡)づ 差评", "zh", id="an emoticon of kana"),
        pytest.param("I absolutely love it, it's fantastic!", "en", id="English"),
        pytest.param("great", "en", id="one word"),
        pytest.param("ok", "en", id="a word of forty languages"),
        pytest.param("so funny", "en", id="two words"),
        pytest.param("A+", "en", id="one letter"),
        pytest.param("LOVE IT", "en", id="capitals"),
        pytest.param("a superfluous sequel", "en", id="a phrase of Latin words"),
        pytest.param("I love 火锅 so much", "en", id="a Chinese word in English"),
        pytest.param("café latte is great", "en", id="an accent"),
        pytest.param("@user @user this is http awful", "en", id="placeholders"),
    ],
)
def test_chinese_and_english_are_supported(identify, text, code):
    language = identify(text)
    assert (language.code, language.supported) == (code, True)
    assert 0 < language.confidence <= 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Ce film est magnifique, j'ai adoré", "fr"),
        ("Das Essen war leider kalt und der Kellner unfreundlich", "de"),
        ("La comida estaba muy rica y el servicio excelente", "es"),
        ("Il cibo era ottimo ma il servizio lento", "it"),
        ("この映画は最高でした", "ja"),
        ("最高の映画だった", "ja"),
        ("이 영화 정말 재미있어요", "ko"),
        ("Очень хороший фильм, всем советую", "ru"),
        ("الخدمة كانت سيئة للغاية", "ar"),
        ("อาหารอร่อยมาก", "th"),
        ("Το φαγητό ήταν υπέροχο", "el"),
    ],
)
def test_other_languages_are_named_and_not_supported(identify, text, code):
    language = identify(text)
    assert (language.code, language.supported) == (code, False)


@pytest.mark.parametrize("text", ["", " ", "123", "😂😂", "!!!", "@user http", "3.5 %", "①"])
def test_without_letters_nothing_is_claimed(identify, text):
    language = identify(text)
    assert (language.code, language.confidence, language.supported) == ("und", 0.0, False)


def test_weak_evidence_gives_low_confidence(identify):
    assert identify("ok").confidence < 0.5 < identify("this is really good").confidence


def test_a_model_says_what_it_supports():
    french = LanguageIdentifier(("fr",))
    assert french("Ce film est magnifique").supported
    assert not french("this film is wonderful, I love it").supported


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("很好吃" * 20_000, "zh", id="Chinese"),
        pytest.param("the phone is good " * 3_000, "en", id="English"),
        pytest.param("Hello! " + "房间很大，服务很好。" * 5_000, "zh", id="a foreign beginning"),
    ],
)
def test_long_texts_are_sampled_throughout(identify, text, code):
    assert identify(text).code == code


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_gets_an_answer(identify, text):
    language = identify(text)
    assert 0 <= language.confidence <= 1
    assert language.supported == (language.code in {"zh", "en"})
