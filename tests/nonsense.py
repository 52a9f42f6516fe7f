"""What people and machines type that no shop of English or Chinese titles has: noise and foreign words."""

import random
import string
from collections.abc import Callable, Iterator

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
FOREIGN: dict[str, str] = {
    "Finnish": (
        "pesukone jääkaappi sateenvarjo hammasharja ruohonleikkuri ruuvimeisseli käsineet kengät "
        "housut tietokone puhelin pöytälamppu sänky keittiö talvitakki sukat lompakko silmälasit "
        "avaimenperä kynttilä matkalaukku leivänpaahdin pölynimuri kahvinkeitin lapio vasara "
        "paistinpannu pyyhe verho tyyny"
    ),
    "Turkish": (
        "çamaşır buzdolabı şemsiye diş fırçası çim biçme tornavida eldiven ayakkabı pantolon "
        "bilgisayar telefon lamba yatak mutfak kışlık çorap cüzdan gözlük anahtarlık mum valiz "
        "süpürge kahve çekiç tava havlu perde yastık saat yüzük kolye gömlek etek elbise"
    ),
    "Greek": (
        "πλυντήριο ψυγείο ομπρέλα οδοντόβουρτσα κατσαβίδι γάντια παπούτσια παντελόνι υπολογιστής "
        "τηλέφωνο λάμπα κρεβάτι κουζίνα παλτό κάλτσες πορτοφόλι γυαλιά μπρελόκ κερί βαλίτσα σκούπα "
        "καφετιέρα σφυρί τηγάνι πετσέτα κουρτίνα μαξιλάρι ρολόι δαχτυλίδι φόρεμα"
    ),
    "Russian": (
        "стиральная холодильник зонт зубная щётка отвёртка перчатки обувь брюки компьютер телефон "
        "лампа кровать кухня пальто носки кошелёк очки брелок свеча чемодан пылесос кофеварка "
        "молоток сковорода полотенце штора подушка часы кольцо платье"
    ),
    "Korean": (
        "세탁기 냉장고 우산 칫솔 드라이버 장갑 신발 바지 컴퓨터 전화기 램프 침대 부엌 코트 양말 "
        "지갑 안경 열쇠고리 양초 여행가방 청소기 커피메이커 망치 프라이팬 수건 커튼 베개 시계 반지 "
        "드레스"
    ),
    "Japanese": (
        "せんたくき れいぞうこ かさ はブラシ ドライバー てぶくろ くつ ズボン パソコン でんわ ランプ "
        "ベッド だいどころ コート くつした さいふ めがね キーホルダー ろうそく スーツケース "
        "そうじき コーヒーメーカー ハンマー フライパン タオル カーテン まくら とけい ゆびわ ドレス"
    ),
    "Arabic": (
        "غسالة ثلاجة مظلة فرشاة مفك قفازات أحذية بنطلون حاسوب هاتف مصباح سرير مطبخ معطف جوارب محفظة "
        "نظارات ميدالية شمعة حقيبة مكنسة قهوة مطرقة مقلاة منشفة ستارة وسادة ساعة خاتم فستان"
    ),
    "German": (
        "Rasenmäher Kühlschrank Zahnbürste Schraubenzieher Handschuhe Waschmaschine Regenschirm "
        "Hausschuhe Bettwäsche Staubsauger Kaffeemaschine Bratpfanne Handtuch Vorhang Kopfkissen "
        "Schlüsselanhänger"
    ),
}
_EMOJI = "😀😂🥹😎🤖👻💩💯🔥✨💤🙏👍🎉🌍🌈☀🌊🏳♻⚠❓‼🆗🔞♾💔💥"
_GREETINGS = "hei maailma|merhaba dünya|γεια σου κόσμε|привет мир|안녕 세상|こんにちは せかい|مرحبا بالعالم"


def nonsense(count: int, seed: int) -> list[tuple[str, str]]:
    """Kind and text of so many queries without a meaning for a shop, all kinds alike often.

    Args:
        count: how many.
        seed: of the choices.
    """
    rng = random.Random(seed)
    kinds = list(_kinds(rng))
    return [(kinds[row % len(kinds)][0], kinds[row % len(kinds)][1]()) for row in range(count)]


def _kinds(rng: random.Random) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "keyboard noise", lambda: " ".join(_run_of_keys(rng) for _ in range(rng.randint(1, 3)))
    yield "random letters", lambda: " ".join(_letters(rng) for _ in range(rng.randint(1, 4)))
    yield "letters and digits", lambda: " ".join(_mixed(rng) for _ in range(rng.randint(1, 2)))
    yield "numbers", lambda: " ".join(str(rng.randrange(10**9, 10**12)) for _ in range(rng.randint(1, 2)))
    yield "emoji", lambda: "".join(rng.choices(_EMOJI, k=rng.randint(1, 4)))
    yield "signs", lambda: "".join(rng.choices("!?.-_#*%&/()[]<>+~", k=rng.randint(1, 6)))
    yield "greeting", lambda: rng.choice(_GREETINGS.split("|"))
    for language, words in FOREIGN.items():
        yield language, lambda some=words.split(): " ".join(rng.sample(some, rng.randint(1, 3)))


def _run_of_keys(rng: random.Random) -> str:
    """Fingers that run along a row of keys, or drum on a few."""
    row = rng.choice(_ROWS[:3])
    start, length = rng.randrange(len(row) - 3), rng.randint(4, 10)
    if rng.random() < 0.5:
        return (row + row[::-1])[start : start + length]
    return "".join(rng.choices(row[start : start + 4], k=length))


def _letters(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 11)))


def _mixed(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase + string.digits, k=rng.randint(6, 12)))
