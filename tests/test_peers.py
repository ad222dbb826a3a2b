"""The same ids as the tokenizers that people used before.

`rwkv` has the reference implementation, by the author of the vocabulary; `pyrwkv-tokenizer` is the
fastest other one. The oracle of these tests could misread the description of the vocabulary just
as the package does; what all of them agree on is what models were trained with.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from libraries import library
from reference import ReferenceTokenizer
from strategies import BUNDLED_FILE, byte_strings, texts

from rwkv_tok import Tokenizer

rwkv_tokenizer = library("rwkv.rwkv_tokenizer")
pyrwkv_tokenizer = library("pyrwkv_tokenizer")

SAMPLES = {
    "Arabic": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.",
    "Armenian": "Բոլոր մարդիկ ծնվում են ազատ ու հավասար՝ իրենց արժանապատվությամբ։",
    "Bengali": "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
    "Canadian syllabics": "ᐃᓅᔪᓕᒫᑦ ᐊᓂᖅᑎᕆᔪᓕᒫᑦ ᐃᓅᓕᖅᐳᑦ ᐃᓱᒪᕐᓱᖅᖢᑎᒃ",
    "Cherokee": "ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ ᎠᎴ ᎤᏂᏠᏱ ᎤᎾᏕᎿ",
    "Chinese, simplified": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
    "Chinese, traditional": "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心。",
    "Cyrillic": "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "Devanagari": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "Egyptian hieroglyphs": "𓀀𓁐𓂀𓃒𓅓𓆣𓇳𓈖𓉐𓊪",
    "emoji": "🙂👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇯🇵 ❤️‍🔥 1️⃣ \U0001fae0",
    "Ethiopic": "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
    "Georgian": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებით.",
    "Gothic": "𐌰𐍄𐍄𐌰 𐌿𐌽𐍃𐌰𐍂 𐌸𐌿 𐌹𐌽 𐌷𐌹𐌼𐌹𐌽𐌰𐌼",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια.",
    "Gujarati": "પ્રતિષ્ઠા અને અધિકારોની દૃષ્ટિએ સર્વ માનવો જન્મથી સ્વતંત્ર છે.",
    "Gurmukhi": "ਸਾਰਾ ਮਨੁੱਖੀ ਪਰਿਵਾਰ ਆਪਣੀ ਮਹਿਮਾ ਅਤੇ ਹੱਕਾਂ ਦੇ ਪੱਖੋਂ ਜਨਮ ਤੋਂ ਹੀ ਆਜ਼ਾਦ ਹੈ।",
    "Hangul": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "Hangul, decomposed": "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "Hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "Japanese": "すべての人間は、生まれながらにして自由であり、カタカナﾊﾝｶｸ。",
    "Kannada": "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿಯೇ ಜನಿಸಿದ್ದಾರೆ.",
    "Khmer": "មនុស្សទាំងអស់កើតមកមានសេរីភាពនិងសមភាព។",
    "Lao": "ມະນຸດທຸກຄົນເກີດມາມີກຽດສັກສີ, ສິດທິ.",
    "Latin, English": "All human beings are born free and equal in dignity and rights.",
    "Latin, Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności.",
    "Latin, Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. İıŞğ",
    "Latin, Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng.",
    "Malayalam": "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും സ്വാതന്ത്ര്യത്തോടും കൂടി ജനിച്ചവരാണ്.",
    "Mongolian": "ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠲᠥᠷᠥᠵᠦ ᠮᠡᠨᠳᠡᠯᠡᠬᠦ",
    "Myanmar": "လူတိုင်းသည် တူညီလွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် မွေးဖွားလာသူများဖြစ်သည်။",
    "N'Ko": "ߡߐ߱ ߓߍ߯ ߛߊߦߋ߫ ߘߊߦߟߍ߫",
    "Odia": "ସମସ୍ତ ମନୁଷ୍ୟ ଜନ୍ମକାଳରୁ ସ୍ୱାଧୀନ।",
    "Runic": "ᛖᚴ ᚷᛖᛏ ᛖᛏᛁ ᚧ ᚷᛚᛖᚱ",
    "Sinhala": "සියලු මනුෂ්‍යයෝ නිදහස්ව උපත ලබා ඇත.",
    "Syriac": "ܟܠ ܒܪܢܫܐ ܒܪܝܠܗ ܚܐܪܐ",
    "Tamil": "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.",
    "Telugu": "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులు.",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "Tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་རང་དབང་།",
    "Tifinagh": "ⵉⵎⴷⴰⵏⵏ ⴰⴽⴽⵯ ⵜⵜⵍⴰⵍⵏ ⴷ ⵉⵍⴻⵍⵍⵉⵢⵏ",
    "Yi": "ꊿꂷꃅꄿꐨꐥ，ꌅꅍꂘꇬ",
    "code": "def f(x: int) -> str:\n\treturn f'{x!r:>8}'  # \\n\r\n\r\n        }\n    }\n\n\n\n",
    "markup": "<s>[INST] <|im_start|>user</s> <!-- --> &nbsp; <|endoftext|> \\boxed{\\frac{1}{2}}",
    "mathematics": "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, ∑ᵢ xᵢ² ≤ ∞ ∧ 𝑒^{𝑖π} + 1 = 0",
    "numbers": "3.14159 1,000,000 0xDEADBEEF 2023-04-24T12:34:56Z ٣١٤ Ⅷ ½",
    "white space": " \u00a0\u2003\u3000\t\x0b\x0c\u2028\u200b\ufeff" + " " * 200 + "\n" * 40,
    "long runs": "=" * 150 + "-" * 150 + "*" * 70 + "哈" * 50 + "\u0301" * 9,
    "control characters": "".join(map(chr, range(32))) + "\x7f\x80\x9f\x00\x00",
    "edges of Unicode": "\x7f\x80\u07ff\u0800\ud7ff\ue000\ufffd\ufffe\uffff\U00010000\U0010ffff",
}


@pytest.fixture(scope="session")
def original() -> Any:
    """The reference implementation, from the very file that the package is shipped with."""
    return rwkv_tokenizer.TRIE_TOKENIZER(str(BUNDLED_FILE))


@pytest.fixture(scope="session")
def rust() -> Any:
    """The other one; it has its own copy of the vocabulary."""
    return pyrwkv_tokenizer.RWKVTokenizer()


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_the_reference_implementation_agrees_on_text_of_many_scripts(
    tok: Tokenizer, reference: ReferenceTokenizer, original: Any, text: str
) -> None:
    ids = tok.encode(text).tolist()
    assert ids == original.encode(text)
    assert ids == reference.encode(text)
    assert tok.decode(ids) == original.decode(ids) == text


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_the_other_agrees_on_text_of_many_scripts(tok: Tokenizer, rust: Any, text: str) -> None:
    ids = tok.encode(text).tolist()
    assert ids == rust.encode(text)
    assert tok.decode(ids) == rust.decode(ids) == text


@settings(max_examples=300)
@given(text=texts())
def test_the_reference_implementation_agrees_on_any_text(
    tok: Tokenizer, original: Any, text: str
) -> None:
    assert tok.encode(text).tolist() == original.encode(text)


@settings(max_examples=300)
@given(text=texts())
def test_the_other_agrees_on_any_text(tok: Tokenizer, rust: Any, text: str) -> None:
    assert tok.encode(text).tolist() == rust.encode(text)


@settings(max_examples=300)
@given(data=byte_strings())
def test_the_reference_implementation_agrees_on_any_bytes(
    tok: Tokenizer, original: Any, data: bytes
) -> None:
    ids = tok.encode(data).tolist()
    assert ids == original.encodeBytes(data)
    assert tok.decode_bytes(ids) == original.decodeBytes(ids) == data


def test_the_reference_implementation_has_the_same_tokens(tok: Tokenizer, original: Any) -> None:
    assert {token_id: tok.token_bytes(token_id) for token_id in tok} == original.idx2token
