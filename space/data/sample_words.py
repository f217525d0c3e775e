"""The words of the bundled sample: what its made-up shop sells, how titles say it and how people ask for it.

Plain tables, and the few lines that read and join them. In every string ` | ` separates alternatives. A value of a
slot is written `Title Form, Other Title Form = asked form, other asked form`; its first title form names it, and
without `=` people ask in the title's own words. A form that opens with "with", "for" and the like stands after the
noun, any other before it. All brands are invented.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

T = TypeVar("T")

AFTER_NOUN = frozenset("with without for that to in on up from no just doubles fits de con para que a sin".split())


def listed(text: str, by: str = "|") -> list[str]:
    """The alternatives written in one string."""
    return [part.strip() for part in text.split(by) if part.strip()]


def is_tail(form: str) -> bool:
    """Whether a form stands after the noun."""
    return form.split()[0] in AFTER_NOUN


class Value(NamedTuple):
    """One value of a slot: its name, how titles write it, how people ask for it and for its absence."""

    name: str
    titles: list[str]
    asks: list[str]
    absent: list[str]


@dataclass(frozen=True, eq=False)
class Kind:
    """A type of product.

    Attributes:
        key: its name in these tables.
        shelf: the lower levels of its category.
        stock: how many products are made.
        price: lowest and highest price.
        names: what titles call it.
        asks: what people call it.
        uses: what people want it for, as whole queries.
        slots: what products of the kind differ in; the first slot moves the price.
        says: two or more clauses for descriptions.
        colours: names in `COLOURS_US` or `COLOURS_ES`.
        goes_with: kinds used together with it, whose products are Complements.
        alike: kinds too close to it to be called irrelevant.
        said: whole queries and the constraints they carry.
    """

    key: str
    shelf: str
    stock: int
    price: tuple[int, int]
    names: str
    asks: str
    uses: str
    slots: dict[str, str]
    says: str
    colours: str = ""
    goes_with: str = ""
    alike: str = ""
    said: dict[str, str] = field(default_factory=dict)

    @cached_property
    def values(self) -> dict[str, list[Value]]:
        """The values of every slot, "colour" among them."""
        slots = {slot: [_value(option) for option in listed(text)] for slot, text in self.slots.items()}
        if self.colours:
            slots["colour"] = [_colour(name) for name in self.colours.split()]
        return slots

    def is_used_with(self, other: "Kind") -> bool:
        """Whether one is an accessory of the other."""
        return other.key in listed(self.goes_with, ",") or self.key in listed(other.goes_with, ",")

    def is_apart_from(self, other: "Kind") -> bool:
        """Whether nobody would take one for the other, or the two for accessories of the same thing."""
        near = other.key in listed(self.alike, ",") or self.key in listed(other.alike, ",")
        shared = set(listed(self.goes_with, ",")) & set(listed(other.goes_with, ","))
        return not (self is other or near or shared or self.is_used_with(other))


def _value(option: str) -> Value:
    titles, _, asks = option.partition("=")
    forms = listed(titles, ",")
    asked = listed(asks, ",") or [form.lower() for form in forms]
    opposites = {"with ": "without ", "con ": "sin "}
    parts = [word for word in opposites if forms[0].startswith(word)]  # what comes "with" a thing can be left off
    absent = [opposites[word] + form.removeprefix(word) for word in parts for form in asked if form.startswith(word)]
    return Value(forms[0].lower(), forms, asked, absent)


def _colour(name: str) -> Value:
    if name in COLOURS_ES:
        return Value(name, listed(COLOURS_ES[name]), [f"color {name}"], [f"que no sea {name}"])
    return Value(name, listed(COLOURS_US[name]), [name], [f"not {name}"])


class Dice:
    """A seeded source of choices, from `random()` alone: its sequence is the one that Python promises to keep."""

    def __init__(self, seed: str) -> None:
        """Start the sequence that belongs to `seed`."""
        self._random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """True in about `share` of the calls."""
        return self._random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, all equally likely."""
        return options[int(self._random() * len(options))]

    def shuffled(self, options: Iterable[T]) -> list[T]:
        """A new list of `options` in random order."""
        return [option for _, _, option in sorted((self._random(), i, option) for i, option in enumerate(options))]

    def skewed(self) -> float:
        """A number in [0, 1), small ones more often."""
        return self._random() * self._random()


def title(dice: Dice, locale: str, noun: str, forms: list[str], brand: str, shade: str) -> str:
    """What a shop would write: the same facts in one of several orders, the brand first, last or missing."""
    tail = [form for form in forms if is_tail(form)]
    facts = dice.shuffled(form for form in forms if form not in tail)
    if locale == "es":  # what qualifies a noun stands behind it
        front, rest, tail = [], [*facts, *tail[1:]], tail[:1]
    else:
        front = [form for form in facts if not form[0].isdigit() and " of " not in form][: 1 + dice.chance(0.4)]
        rest = [form for form in facts if form not in front]
    maker = f"{brand} {dice.pick(listed(SERIES))}" if brand and dice.chance(0.3) else brand
    core = " ".join([*front, noun, *tail])
    order = dice.pick(("first", "first", "first", "last", "by", "listed", "size first"))
    colour = [shade] if shade else []
    if order == "last" and brand:
        return f"{', '.join([core, *rest, *colour])} - {maker}"
    if order == "by" and brand:
        named = " ".join([*front, noun, "de" if locale == "es" else "by", brand])
        return ", ".join([named, *tail, *rest, *colour])
    if order == "listed":
        return " ".join(filter(None, [maker, ", ".join([noun, *front, *rest, *tail]), shade and f"({shade})"]))
    if order == "size first" and rest and locale != "es":
        core = f"{rest.pop(0)} {core}"
    return ", ".join([f"{maker} {core}".strip(), *rest, *colour])


def misspelt(dice: Dice, text: str) -> str:
    """`text` with a slip in its longest word: a letter doubled, dropped or swapped with the next."""
    word = max(text.split(), key=len)
    if len(word) < 5:
        return text
    at = 1 + len(word) // 4
    left, letter, right = word[:at], word[at], word[at + 1 :]
    slips = (left + letter + letter + right, left + right, left + right[0] + letter + right[1:])
    return text.replace(word, dice.pick([slip for slip in slips if slip != word]), 1)


# fmt: off  (a table reads best with a kind on a few lines)
COLOURS_US = {
    "black": "Black | Jet Black | Onyx",
    "white": "White | Ivory | Snow White",
    "blue": "Navy Blue | Sky Blue | Cobalt | Denim Blue",
    "green": "Sage Green | Olive | Forest Green | Mint Green",
    "red": "Cherry Red | Crimson | Brick Red",
    "pink": "Blush Pink | Rose | Coral Pink",
    "grey": "Slate Grey | Graphite | Ash Grey",
    "yellow": "Mustard | Lemon Yellow | Sunflower",
    "brown": "Chestnut Brown | Walnut Brown | Tan",
    "purple": "Lilac | Plum Purple | Deep Purple",
    "beige": "Oat | Sand | Cream",
    "orange": "Tangerine | Burnt Orange | Apricot",
}

COLOURS_ES = {
    "negro": "Negro | Negro Mate",
    "blanco": "Blanco | Blanco Roto | Marfil",
    "azul": "Azul Marino | Azul Cielo | Celeste",
    "verde": "Verde Oliva | Verde Menta | Verde Bosque",
    "rojo": "Rojo | Granate | Carmesí",
    "rosa": "Rosa | Rosa Palo",
    "gris": "Gris | Gris Antracita",
}

BRANDS = {
    "Kitchen": "Brindlecup | Tarnholt | Pellowen | Hearthlund | Saltmeren | Umberlyth | Kettlefenny | Otterquay",
    "Outdoors": "Gathermoor | Kestrowe | Peakorra | Oakendrift | Tarnholt | Wrenhallow | Stonepeddle | Murrenfell",
    "Electronics": "Voltarrow | Amperidge | Plugsworthy | Sonderlark | Bytemoor | Wattlefinch | Quorrimoor"
    " | Zephrindle",
    "Home & Office": "Inkhallow | Jottermoor | Quillmarsh | Lindamoor | Glimmerholt | Loomwhistle | Hollisbeck"
    " | Vantorrel",
    "Garden": "Nettlefen | Bramblecoat | Thistledane | Mossgarrow | Dapplefern | Pinemarrow | Yarrowbee | Lindamoor",
    "Sports": "Strideholm | Treadmarrow | Liftgarrow | Zephrindle | Bendwillow | Ferrowick | Kestrowe | Rumblefinch",
    "Pets": "Barkendale | Whiskerbee | Snoutley | Tailfennel | Pawlingham | Nuzzlebrook | Mossgarrow | Furrowby",
    "Toys & Baby": "Tottlebee | Cubbywick | Doodlefern | Giddypine | Nappaloon | Wobblekinder | Tumbleoak | Larkvane",
    "Cocina": "Brindlecup | Tarnholt | Saltmeren | Pellowen",
    "Aire libre": "Gathermoor | Peakorra | Tarnholt | Oakendrift",
    "Electrónica": "Voltarrow | Sonderlark | Quorrimoor | Zephrindle",
    "Hogar y oficina": "Glimmerholt | Lindamoor | Inkhallow | Hollisbeck",
    "Deporte": "Strideholm | Bendwillow | Zephrindle | Ferrowick",
    "Mascotas": "Barkendale | Snoutley | Pawlingham | Nuzzlebrook",
}

SERIES = "Alder | Birch | Cove | Dune | Ember | Fjord | Glade | Heath | Inlet | Lark | Moor | Quay | Reed | Tarn"
" | Vale"

CARE = {
    "Kitchen": "Safe for food contact and easy to rinse clean | Packed in recyclable cardboard",
    "Outdoors": "Packs down small and is made for repeated trips | Comes with a repair patch and a storage pouch",
    "Electronics": "Quick-start leaflet in the box | Two-year replacement promise from the maker",
    "Home & Office": "Ready in minutes, no special tools needed | Low-odour finish that suits small rooms",
    "Garden": "Stands up to sun and rain season after season | Good for balconies, beds and borders",
    "Sports": "Tried out by club athletes before it goes on sale | Wipes clean after a workout",
    "Pets": "Made from materials that are safe for animals | Shaped with advice from vets and trainers",
    "Toys & Baby": "Rounded edges and child-safe finishes | Checked against the toy safety standards",
    "Cocina": "Apto para uso alimentario y fácil de enjuagar | Embalaje de cartón reciclable",
    "Aire libre": "Ocupa poco y aguanta muchas salidas | Incluye bolsa de transporte",
    "Electrónica": "Guía rápida en la caja | Dos años de garantía del fabricante",
    "Hogar y oficina": "Listo en minutos y sin herramientas | Acabado sin olores",
    "Deporte": "Se limpia con un paño húmedo | Probado por deportistas de club",
    "Mascotas": "Materiales seguros para animales | Pensado con la ayuda de veterinarios",
}

KINDS_US: dict[str, tuple[Kind, ...]] = {
    "Kitchen": (
        Kind(
            "water bottle",
            "Drinkware > Water Bottles",
            44,
            (9, 38),
            names="Water Bottle | Drinking Bottle | Hydration Bottle",
            asks="water bottle | canteen | drink flask | gym bottle | sipper",
            uses="something to drink from on long hikes | keep my water cold all day",
            slots={
                "size": "12 oz | 18 oz | 24 oz | 32 oz = 32 oz, one quart | 40 oz = 40 oz, extra big",
                "material": "Stainless Steel, Brushed Steel = metal, steel | Glass, Borosilicate = glass"
                " | BPA-Free Plastic, Tough Plastic = plastic, lightweight",
                "lid": "with Straw Lid, with Sip Straw = with a straw"
                " | with Screw Cap, with Twist Top = with screw top"
                " | with Flip Spout, with Push-Button Spout = with one hand opening | with Carry Loop = with a handle",
            },
            colours="black white blue green pink purple",
            goes_with="bottle brush",
            alike="travel mug, sippy cup",
            says="keeps drinks cold through a long day | fits most bike cages and cup holders"
            " | does not sweat in the bag",
            said={"flask that fits a whole quart for desert hiking": "size=32 oz"},
        ),
        Kind(
            "travel mug",
            "Drinkware > Travel Mugs",
            42,
            (11, 34),
            names="Travel Mug | Insulated Tumbler | Commuter Cup",
            asks="travel mug | to-go cup | coffee thermos | tumbler | car cup",
            uses="something to keep coffee hot at work | hot drinks on the train | gift for a coffee lover",
            slots={
                "size": "10 oz = small, 10 oz | 14 oz | 16 oz | 20 oz = large, 20 oz",
                "material": "Stainless Steel, Double-Wall Steel = metal, steel | Ceramic, Ceramic-Lined = ceramic"
                " | Bamboo Fibre = bamboo, eco friendly",
                "feature": "Leakproof, Spill-Proof = that won't leak in my bag, spill proof"
                " | with Handle = with a handle"
                " | Dishwasher-Safe = that can go in the dishwasher | with Tea Infuser = with strainer for loose tea",
            },
            colours="black white blue green red grey",
            goes_with="bottle brush",
            alike="water bottle, sippy cup",
            says="keeps drinks hot for about six hours | slips into a car cup holder"
            " | opens and closes with one thumb",
            said={"cup for loose leaf tea at my desk": "feature=with tea infuser"},
        ),
        Kind(
            "frying pan",
            "Cookware > Frying Pans",
            42,
            (16, 79),
            names="Frying Pan | Skillet | Sauté Pan",
            asks="frying pan | skillet | fry pan | egg pan | fryer pan",
            uses="pan for pancakes and eggs | searing steak at home",
            slots={
                "size": "8 Inch = small, 8 inch | 10 Inch | 11 Inch | 12 Inch = family size, 12 inch",
                "material": "Cast Iron, Pre-Seasoned Cast Iron = heavy iron, cast iron"
                " | Non-Stick, Non-Stick Aluminium = that food doesn't stick to, nonstick"
                " | Carbon Steel = carbon steel | Tri-Ply Stainless = stainless",
                "feature": "for Induction, Induction-Ready = for induction hob, for glass top stove"
                " | with Lid = with a lid, with cover | Oven-Safe = that can go in the oven, oven proof",
            },
            colours="black grey red green beige",
            goes_with="splatter screen",
            says="heats evenly right to the edge | has a grip that stays cool on the stove"
            " | releases eggs with little oil",
            said={"big pan so I can cook for the whole family": "size=12 inch"},
        ),
        Kind(
            "chef knife",
            "Knives > Chef Knives",
            40,
            (14, 120),
            names="Chef Knife | Cook's Knife | Kitchen Knife",
            asks="chef knife | cooking knife | big sharp knife | kitchen blade | veggie chopper knife",
            uses="chopping vegetables fast | first real knife for culinary school",
            slots={
                "size": "6 Inch = short, 6 inch | 7 Inch | 8 Inch | 10 Inch = long, 10 inch",
                "style": "Santoku, Santoku Style = japanese, asian style | Gyuto = gyuto, japanese steel"
                " | Western, German-Style = german, european style",
                "handle": "Wood Handle, Pakkawood Handle = wooden handle, with wood grip"
                " | Soft-Grip Handle = rubber grip, with non slip handle | Steel Handle = all metal, one piece steel",
            },
            goes_with="knife sharpener, cutting board",
            says="holds its edge through daily prep | is balanced for long chopping sessions"
            " | comes with a blade guard",
            said={"knife for people with small hands": "size=6 inch"},
        ),
        Kind(
            "food container",
            "Storage > Food Containers",
            42,
            (10, 45),
            names="Food Storage Containers | Meal Prep Boxes | Pantry Canisters",
            asks="food containers | leftover boxes | meal prep tubs | lunch tubs | fridge boxes",
            uses="store leftovers in the fridge | pack lunches for the week",
            slots={
                "size": "Set of 3 = 3 pack, few | Set of 5 = 5 piece | Set of 10 = 10 pack"
                " | Set of 20 = bulk, 20 pack",
                "material": "Glass, Borosilicate Glass = glass, that won't stain"
                " | Plastic, BPA-Free Plastic = plastic"
                " | Silicone, Collapsible Silicone = squishy, that folds flat",
                "feature": "Microwave-Safe = for microwave, to reheat in"
                " | with Dividers, 2-Compartment = with sections, divided"
                " | Airtight, with Locking Lids = airtight, that seals well",
            },
            colours="blue green grey white",
            goes_with="freezer labels",
            says="stacks neatly in small fridges | keeps food fresh for days | nests away when empty",
            said={"glass tubs where the sauce and rice stay separate": "feature=with dividers; material=glass"},
        ),
        Kind(
            "cutting board",
            "Prep > Cutting Boards",
            15,
            (9, 48),
            names="Cutting Board | Chopping Board",
            asks="cutting board | chopping block | butcher block",
            uses="surface to cut meat and veg on",
            slots={
                "material": "Bamboo = bamboo, eco | Acacia Wood = dark wood, wooden"
                " | Plastic = plastic, for raw chicken",
                "feature": "with Juice Groove = with drip channel | Reversible = two sided"
                " | with Handle = with a handle",
            },
            goes_with="chef knife",
            alike="knife sharpener",
            says="is gentle on blades | stays put thanks to rubber feet",
        ),
        Kind(
            "bottle brush",
            "Cleaning > Bottle Brushes",
            14,
            (5, 16),
            names="Bottle Brush | Bottle Cleaning Brush",
            asks="bottle brush | bottle scrubber | long skinny brush",
            uses="clean the inside of a tall flask | scrub coffee stains from tumblers",
            slots={
                "material": "Silicone = rubbery, silicone | Nylon Bristle = nylon, stiff | Sponge Head = sponge, foam",
                "size": "Single = single | 2 Pack = two pack | Set of 3 = set of three",
            },
            colours="white blue green",
            goes_with="water bottle, travel mug, sippy cup",
            says="reaches the bottom of narrow bottles | hangs up to dry",
        ),
        Kind(
            "knife sharpener",
            "Knives > Sharpeners",
            14,
            (9, 60),
            names="Knife Sharpener | Kitchen Knife Sharpener",
            asks="knife sharpener | blade honer | sharpening thing",
            uses="make dull knives cut again",
            slots={
                "style": "2-Stage, Pull-Through = pull through, easy"
                " | Whetstone, 1000/6000 Whetstone = stone, wet stone | Electric = powered, plug in",
                "feature": "with Non-Slip Base = with rubber base | with Angle Guide = for beginners",
            },
            goes_with="chef knife",
            alike="cutting board",
            says="brings dull blades back in minutes | takes off little metal",
        ),
        Kind(
            "splatter screen",
            "Cookware > Splatter Screens",
            13,
            (7, 24),
            names="Splatter Screen | Grease Guard",
            asks="splatter screen | oil splash cover | grease shield",
            uses="stop oil jumping out of the pan",
            slots={
                "size": "10 Inch | 11.5 Inch | 13 Inch = big, 13 inch",
                "material": "Fine Mesh Steel = wire mesh, metal | Silicone = silicone, heat proof rubber",
            },
            goes_with="frying pan",
            says="keeps the hob clean while steam gets out | doubles as a cooling rack",
        ),
        Kind(
            "freezer labels",
            "Storage > Labels",
            12,
            (4, 14),
            names="Freezer Labels | Food Labels | Date Stickers",
            asks="freezer labels | date stickers for food | leftover tags",
            uses="remember when I froze the soup",
            slots={
                "size": "100 Count | 300 Count = 300, lots of | 500 Count = bulk, 500",
                "feature": "Dissolvable = that wash off, water soluble | Removable = that peel off clean"
                " | Write-On = blank, to write on",
            },
            goes_with="food container",
            says="sticks at freezer temperatures | leaves no residue",
        ),
    ),
    "Outdoors": (
        Kind(
            "tent",
            "Camping > Tents",
            42,
            (49, 320),
            names="Camping Tent | Dome Tent | Trekking Tent",
            asks="tent | camp shelter | canvas house | sleeping dome | backcountry shelter",
            uses="somewhere dry to sleep at a festival | shelter for a week in the mountains",
            slots={
                "size": "1 Person, Solo = for one, solo | 2 Person = for two people, for couples"
                " | 4 Person = for a small family"
                " | 6 Person = for a big family, for six",
                "feature": "Pop-Up, Instant Setup = that sets itself up, quick pitch"
                " | Ultralight = that weighs nothing, light"
                " | Blackout = dark inside, for sleeping in late",
                "season": "3-Season = 3 season | 4-Season = for snow, winter"
                " | Summer, Mesh-Wall Summer = for hot weather",
            },
            colours="green orange grey blue",
            goes_with="tent pegs, tent footprint",
            alike="sleeping bag",
            says="stays dry in steady rain | goes up with two color-coded poles | has pockets for lamps and phones",
            said={"something for me and my girlfriend to camp in": "size=2 person"},
        ),
        Kind(
            "sleeping bag",
            "Camping > Sleeping Bags",
            42,
            (24, 180),
            names="Sleeping Bag | Camping Sleep Sack | Camp Sleeping Bag",
            asks="sleeping bag | sleep sack | bedroll | camp bedding | snooze sack",
            uses="stay warm at night in the tent | bedding for sleepovers and camp",
            slots={
                "season": "32F, 3-Season 32F = for cool nights | 0F, Winter 0F = for freezing weather, winter"
                " | 50F, Summer 50F = for warm nights, thin",
                "fill": "Goose Down, 650-Fill Down = feather, down | Synthetic, Synthetic Fill = vegan, no feathers"
                " | Recycled Fibre = recycled, eco",
                "size": "for Kids, Youth = for children, kids | Regular = standard adult"
                " | Long, Extra Long = for tall people"
                " | Double, 2 Person Double = for two, couples",
            },
            colours="blue green orange grey red",
            goes_with="bag liner",
            alike="tent",
            says="packs into its own compression sack | has a draft collar that keeps warmth in | unzips into a quilt",
            said={"my feet stick out of normal sleeping bags, need one for winter": "season=0f; size=long"},
        ),
        Kind(
            "headlamp",
            "Camping > Headlamps",
            40,
            (12, 70),
            names="Headlamp | Head Torch | Head Flashlight",
            asks="headlamp | head torch | forehead light | hands free flashlight | noggin light",
            uses="see the trail after dark | light for fixing the car at night",
            slots={
                "power": "USB-C Rechargeable, Rechargeable = rechargeable, that charges by usb"
                " | AAA Battery, Battery Powered = with regular batteries | Solar = sun charged, solar",
                "size": "200 Lumens = dim, 200 lumens | 400 Lumens | 800 Lumens"
                " | 1200 Lumens = very bright, super bright",
                "feature": "with Red Light Mode, Red Light = with red night vision, for stargazing"
                " | Waterproof, IPX7 = for rain, waterproof | with Motion Sensor = with wave on switch",
            },
            colours="black orange blue grey",
            goes_with="camp lantern",
            says="sits flat and does not bounce | tilts to where you look | warns before the charge runs out",
            said={"light for looking at stars without ruining night vision": "feature=with red light mode"},
        ),
        Kind(
            "camping chair",
            "Camping > Chairs",
            42,
            (19, 110),
            names="Camping Chair | Folding Chair | Camp Seat",
            asks="camping chair | fold up chair | lawn seat | festival chair | sideline seat",
            uses="sit at the kids soccer game | seat by the campfire",
            slots={
                "style": "Low, Low-Profile = for the beach, close to the ground"
                " | High-Back = with head support, tall back"
                " | Rocking, Rocker = that rocks | Stool, Compact Stool = tiny, without back",
                "feature": "with Cup Holder = with drink holder | with Cooler Pocket = that keeps beers cold"
                " | with Canopy = with shade, with sun roof | with Side Table = with little table",
                "load": "250 lb | 350 lb = sturdy | 500 lb, Heavy-Duty 500 lb = for big guys, for heavy people",
            },
            colours="blue green red black grey",
            goes_with="camp lantern",
            says="unfolds in seconds | carries over the shoulder in its bag | has feet that do not sink in grass",
            said={"seat that won't break under a 400 pound man": "load=500 lb"},
        ),
        Kind(
            "hiking backpack",
            "Hiking > Backpacks",
            42,
            (39, 210),
            names="Hiking Backpack | Trekking Pack | Rucksack",
            asks="hiking backpack | rucksack | knapsack | trail pack | trekking bag",
            uses="carry gear on a multi day walk | bag for backpacking around europe",
            slots={
                "size": "20L, 20 Litre Day = for day trips, small | 35L, 35 Litre | 50L, 50 Litre = for a weekend"
                " | 70L, 70 Litre Expedition = huge, for two weeks",
                "fit": "Women's, Women's Fit = for women, ladies | Men's, Men's Fit = for men"
                " | Kids', Junior = for children",
                "feature": "with Hydration Sleeve = with water bladder pocket"
                " | Frameless, Ultralight = light, minimalist"
                " | with Ventilated Back = that doesn't make my back sweat",
            },
            colours="green blue black orange grey",
            goes_with="pack rain cover",
            alike="gym bag, laptop sleeve",
            says="spreads weight over a padded hip belt | has pockets you can reach on the move"
            " | adjusts to most torsos",
            said={"my back gets soaked in sweat, need a better pack": "feature=with ventilated back"},
        ),
        Kind(
            "tent pegs",
            "Camping > Tent Accessories",
            14,
            (6, 30),
            names="Tent Stakes | Tent Pegs",
            asks="tent pegs | ground stakes | guy line spikes",
            uses="hold the shelter down in wind",
            slots={
                "size": "Pack of 8 = 8 | Pack of 12 = a dozen, 12 | Pack of 20 = 20 pack",
                "material": "Aluminium, Lightweight Aluminium = light"
                " | Steel, Forged Steel = heavy duty, for rocky ground"
                " | Glow-in-the-Dark Plastic = glow in the dark, for sand",
            },
            goes_with="tent",
            alike="tent footprint",
            says="holds in soft and stony ground | pulls out with a cord loop",
        ),
        Kind(
            "tent footprint",
            "Camping > Tent Accessories",
            14,
            (12, 48),
            names="Tent Footprint | Groundsheet",
            asks="tent footprint | ground tarp | floor saver sheet",
            uses="stop wet ground coming through the floor",
            slots={
                "size": "2 Person = for two | 4 Person = for four | 6 Person = large, for six",
                "material": "Ripstop Polyester = ripstop | PE Tarp = cheap plastic",
            },
            colours="green grey",
            goes_with="tent",
            alike="tent pegs",
            says="guards the floor from stones | has eyelets for pegs",
        ),
        Kind(
            "bag liner",
            "Camping > Sleeping Bag Accessories",
            13,
            (12, 60),
            names="Sleeping Bag Liner | Travel Sleep Liner",
            asks="sleeping bag liner | hostel sheet | inner sheet for sleeping bag",
            uses="stay clean in hostel beds",
            slots={
                "material": "Silk, Mulberry Silk = silk, silky | Cotton = cotton"
                " | Fleece, Thermal Fleece = warm, fuzzy",
                "feature": "with Pillow Pocket = with place for pillow | with Side Zip = with zipper",
            },
            colours="blue grey",
            goes_with="sleeping bag",
            says="adds a few degrees of warmth | washes more easily than a whole bag",
        ),
        Kind(
            "camp lantern",
            "Camping > Lanterns",
            14,
            (12, 55),
            names="Camping Lantern | LED Lantern",
            asks="camp lantern | hanging camp light | emergency lamp",
            uses="light the table when the power goes out",
            slots={
                "power": "Rechargeable = rechargeable | Battery Powered = with regular batteries"
                " | Hand-Crank = wind up",
                "feature": "Collapsible = that squashes flat | Dimmable = that dims"
                " | with Phone Charger = that charges phones",
            },
            colours="green orange black",
            goes_with="headlamp, camping chair",
            says="lights up a whole table | hangs from a branch or hook",
        ),
        Kind(
            "pack rain cover",
            "Hiking > Backpack Accessories",
            13,
            (8, 30),
            names="Backpack Rain Cover | Pack Cover",
            asks="backpack rain cover | rucksack raincoat | pack poncho",
            uses="keep my rucksack dry in a storm",
            slots={
                "size": "15-25L = for a small bag | 30-45L = medium | 50-70L = for a huge rucksack",
                "feature": "Reflective = that cars can see, reflective | Camouflage = camo"
                " | Packable = tiny, that folds up",
            },
            goes_with="hiking backpack",
            says="stays on in strong wind | stuffs into a fist-sized pouch",
        ),
    ),
    "Electronics": (
        Kind(
            "power bank",
            "Power > Power Banks",
            44,
            (14, 95),
            names="Power Bank | Portable Charger | External Battery Pack",
            asks="power bank | battery brick | phone juicer | juice pack | portable charger",
            uses="my phone dies before dinner | charge things on a long flight",
            slots={
                "size": "5000mAh = pocket size, 5000 mah | 10000mAh = 10000 mah | 20000mAh = 20000 mah"
                " | 30000mAh = huge, 30000 mah",
                "feature": "with Wireless Charging, Wireless = without cables, wireless"
                " | with Built-In Cable = with cord attached | 65W Fast Charge, Fast Charging = for laptop, superfast"
                " | Solar, Solar Panel = sun powered, for camping",
                "style": "Slim, Ultra-Slim = thin | Rugged, Shockproof = tough, that survives drops"
                " | Mini = tiny, keychain",
            },
            colours="black white blue pink",
            goes_with="cable organiser, charging cable",
            says="charges two things at once | shows what is left in percent | is allowed in cabin baggage",
            said={"need to recharge my laptop where there is no outlet": "feature=65w fast charge"},
        ),
        Kind(
            "phone stand",
            "Phones > Stands and Mounts",
            40,
            (8, 40),
            names="Phone Stand | Phone Holder | Smartphone Mount",
            asks="phone stand | cell holder | mobile dock | phone prop | handset cradle",
            uses="watch videos while cooking | follow the map while driving",
            slots={
                "place": "for Desk, Desktop = for my desk | for Car, Dashboard = for driving, for the car"
                " | for Bike, Handlebar = for cycling, for bicycle | for Bed, Gooseneck = for lying in bed, bendy arm",
                "material": "Aluminium = metal | Bamboo, Bamboo Wood = wooden | Silicone Grip = rubbery"
                " | Plastic = cheap plastic",
                "feature": "Magnetic = magnet | Foldable = that folds, for travel"
                " | Adjustable Height = that goes up and down",
            },
            colours="black white pink grey",
            goes_with="charging cable",
            alike="laptop stand",
            says="holds phones with or without a case | turns from portrait to landscape"
            " | does not wobble when tapped",
            said={"read recipes in bed without holding my phone": "place=for bed"},
        ),
        Kind(
            "earbuds",
            "Audio > Earbuds",
            44,
            (15, 130),
            names="Wireless Earbuds | In-Ear Headphones | True Wireless Earphones",
            asks="earbuds | ear buds | cordless earphones | in ears | music plugs",
            uses="listen to podcasts on the bus | music while jogging",
            slots={
                "feature": "Noise Cancelling, with Active Noise Cancelling = that block out noise, for noisy plane"
                " | Open-Ear, Bone Conduction = that let me hear traffic, open ear"
                " | Deep Bass, Extra Bass = with good bass"
                " | Low Latency, Gaming Mode = for gaming",
                "use": "for Sport, with Ear Hooks = for running, that stay in"
                " | for Sleep, Sleep = for sleeping, for side sleepers"
                " | for Calls, with 4 Microphones = for phone calls, for meetings",
                "size": "24h Playtime = 24 hours | 40h Playtime = 40 hour | 60h Playtime = long battery, 60 hours",
            },
            colours="black white blue pink green",
            goes_with="ear tips, earbud case",
            says="pairs on opening the case | sounds clear at low volume | shrugs off sweat and light rain",
            said={"my husband snores, need something in my ears at night": "use=for sleep"},
        ),
        Kind(
            "charging cable",
            "Power > Cables",
            42,
            (6, 28),
            names="Charging Cable | USB-C Cable | Charger Cord",
            asks="charging cable | charger cord | usb lead | phone wire | juice cord",
            uses="charge my phone from across the room | spare lead for the office",
            slots={
                "size": "1 ft, 0.3 m = very short | 3 ft | 6 ft | 10 ft = extra long",
                "style": "Braided, Nylon Braided = braided, that doesn't fray | Coiled = curly, springy"
                " | Flat, Tangle-Free Flat = that doesn't tangle | Silicone, Soft Silicone = soft, bendy",
                "feature": "100W, 100W Fast Charge = fast, for laptop | 3-in-1 = with three heads, multi"
                " | with LED Display = that shows watts",
            },
            colours="black white red blue purple",
            goes_with="cable organiser, power bank, phone stand",
            says="bends thousands of times without breaking | clicks in firmly | carries data as well as power",
            said={"outlet is behind the couch, need a lead that reaches the bed": "size=10 ft"},
        ),
        Kind(
            "laptop sleeve",
            "Computers > Laptop Sleeves",
            40,
            (12, 55),
            names="Laptop Sleeve | Laptop Case | Notebook Computer Pouch",
            asks="laptop sleeve | computer cover | laptop pouch | computer case | notebook pc jacket",
            uses="protect my computer in my school bag | carry a computer to meetings",
            slots={
                "size": "11 Inch = 11 in, small | 13 Inch = 13 inch | 14 Inch = 14 in | 16 Inch = 16 inch, large",
                "material": "Felt, Wool Felt = wooly, felt | Neoprene = wetsuit material, stretchy"
                " | Vegan Leather, Faux Leather = leather look | Canvas = canvas, cloth",
                "feature": "with Handle = with a handle | Water-Resistant = rainproof"
                " | with Accessory Pocket = with charger pocket",
            },
            colours="grey black blue pink brown",
            goes_with="screen cleaner",
            alike="hiking backpack, laptop stand",
            says="cushions corners against knocks | slides easily into a backpack | has a soft lining",
            said={"business looking cover for my computer": "material=vegan leather"},
        ),
        Kind(
            "ear tips",
            "Audio > Earbud Accessories",
            14,
            (5, 22),
            names="Replacement Ear Tips | Earbud Tips",
            asks="ear tips | earbud rubbers | ear gels",
            uses="my earphones keep falling out",
            slots={
                "material": "Memory Foam = foam, squishy | Silicone = rubber, silicone | Hybrid = hybrid",
                "size": "Small = for tiny ears, small | Medium = medium | Mixed Sizes S/M/L = assorted",
            },
            colours="black white grey",
            goes_with="earbuds",
            alike="earbud case",
            says="seals gently without pressure | swaps in seconds",
        ),
        Kind(
            "earbud case",
            "Audio > Earbud Accessories",
            13,
            (6, 20),
            names="Earbud Case Cover | Earphone Carrying Case",
            asks="earbud case | earphone pouch | case for my buds",
            uses="stop losing my earphones in my purse",
            slots={
                "material": "Silicone = soft rubber | Hard Shell = hard, crush proof | Leather-Look = leather look",
                "feature": "with Carabiner = with clip for keys | with Wrist Strap = with strap",
            },
            colours="black pink green blue purple",
            goes_with="earbuds",
            alike="ear tips",
            says="shields against scratches | leaves the charging port free",
        ),
        Kind(
            "cable organiser",
            "Power > Cable Management",
            14,
            (5, 24),
            names="Cable Organizer | Cord Clips | Cable Tidy",
            asks="cable organizer | wire tidy | cord wrangler",
            uses="mess of wires behind my desk",
            slots={
                "style": "Travel Pouch = pouch, for suitcase | Adhesive Clips = stick on"
                " | Reusable Ties = ties, straps"
                " | Under-Desk Tray = for under the table",
                "size": "Pack of 6 = six | Pack of 20 = 20 | Single = one",
            },
            colours="black white grey",
            goes_with="charging cable, power bank",
            says="ends the tangle behind the desk | keeps plugs in reach",
        ),
        Kind(
            "screen cleaner",
            "Computers > Cleaning",
            13,
            (5, 18),
            names="Screen Cleaner Kit | Screen Cleaning Spray",
            asks="screen cleaner | monitor wipe | display spray",
            uses="get fingerprints off my monitor",
            slots={
                "size": "2 oz = travel, 2 oz | 8 oz = 8 oz | 16 oz = big",
                "feature": "with Microfiber Cloth = with cloth | with Keyboard Brush = with brush for keys"
                " | Alcohol-Free = no alcohol, gentle",
            },
            goes_with="laptop sleeve, laptop stand",
            says="dries without streaks | is gentle on coatings",
        ),
    ),
    "Home & Office": (
        Kind(
            "desk lamp",
            "Lighting > Desk Lamps",
            42,
            (18, 95),
            names="Desk Lamp | LED Table Lamp | Task Light",
            asks="desk lamp | study light | reading lamp | work light | table light",
            uses="light for late night homework | my eyes hurt reading at night",
            slots={
                "style": "Clamp-On, with Clamp = that clips to the table"
                " | Swing Arm, Architect Swing Arm = with long arm"
                " | Gooseneck, Flexible Gooseneck = bendy | Retro, Banker Style = old fashioned, vintage",
                "feature": "with Wireless Charger = that charges my phone"
                " | Dimmable, Stepless Dimming = that dims, not too bright"
                " | with USB Port = with usb plug | Touch Control = with no buttons, touch",
                "power": "Corded, Plug-In = plug in | Rechargeable, Cordless = cordless, without wires"
                " | Battery Powered = with batteries",
            },
            colours="black white green pink brown",
            goes_with="light bulb",
            says="lights the page without glare | remembers the last setting | takes little room on a desk",
            said={"lamp like in an old library": "style=retro"},
        ),
        Kind(
            "office chair",
            "Furniture > Office Chairs",
            42,
            (79, 390),
            names="Office Chair | Desk Chair | Ergonomic Task Chair",
            asks="office chair | computer chair | swivel seat | work from home chair | rolly chair",
            uses="my back hurts after a day at the computer | seat for video gaming all night",
            slots={
                "material": "Mesh, Breathable Mesh = breathable, that doesn't get sweaty"
                " | Faux Leather, PU Leather = leather look"
                " | Fabric, Linen Fabric = cloth | Velvet = velvet, fancy",
                "feature": "with Lumbar Support = with lower back support, for back pain"
                " | with Footrest = with leg rest"
                " | with Flip-Up Arms = with arms that fold | Armless = without armrests, no arms",
                "size": "Big and Tall, 400 lb = for heavy people, big and tall | Standard = regular"
                " | Petite = for short people, small",
            },
            colours="black grey white pink blue",
            goes_with="chair mat, seat cushion",
            says="tilts and locks where you want it | rolls quietly on wood | goes together in half an hour",
            said={"my feet don't touch the floor in normal desk chairs": "size=petite"},
        ),
        Kind(
            "laptop stand",
            "Desk > Laptop Stands",
            40,
            (16, 80),
            names="Laptop Stand | Notebook Riser | Computer Riser",
            asks="laptop stand | computer lifter | laptop riser | screen raiser | laptop holder",
            uses="neck pain from looking down at my computer | work standing up",
            slots={
                "material": "Aluminium, Aluminium Alloy = metal | Bamboo, Natural Bamboo = wooden"
                " | Steel = steel, heavy"
                " | Acrylic = see through, clear",
                "feature": "Foldable, Folding = that folds, for travel"
                " | Adjustable Height, Height-Adjustable = that goes up and down"
                " | with Cooling Fan = that stops overheating | Vertical = upright, to store closed",
                "size": "up to 14 Inch = for a small computer | up to 16 Inch = 16 inch"
                " | up to 17 Inch = for a large computer",
            },
            colours="grey black white pink",
            goes_with="screen cleaner",
            alike="phone stand, laptop sleeve",
            says="lifts the screen to eye level | keeps air moving underneath | grips with rubber pads",
            said={"computer gets really hot on my lap": "feature=with cooling fan"},
        ),
        Kind(
            "notebook",
            "Stationery > Notebooks",
            42,
            (6, 32),
            names="Notebook | Journal | Writing Pad",
            asks="notebook | diary | jotter | day book | note book",
            uses="write down my thoughts every night | take minutes in meetings",
            slots={
                "size": "A4 = large, letter size | A5 = medium, half size"
                " | A6, Pocket A6 = pocket, that fits in my pocket",
                "ruling": "Dotted, Dot Grid = with dots, dotted | Lined, Ruled = with lines"
                " | Blank, Unlined = for sketching, plain"
                " | Graph, Squared = for math, with squares",
                "cover": "Hardcover = hard cover | Softcover, Kraft Softcover = soft cover"
                " | Leather-Look Cover = fancy leather look | Spiral-Bound, Wire-Bound = ring, that folds over",
            },
            colours="black green red blue pink purple",
            goes_with="gel pens",
            alike="laptop sleeve",
            says="lies flat when open | has paper that ink does not bleed through | comes with a ribbon marker",
            said={"paper for my algebra class": "ruling=graph"},
        ),
        Kind(
            "gel pens",
            "Stationery > Pens",
            42,
            (5, 26),
            names="Gel Pens | Rollerball Pens | Writing Pens",
            asks="gel pens | writing sticks | inky pens | roller pens | nice pens",
            uses="write cards and letters neatly | pens that don't smudge for left handers",
            slots={
                "size": "Pack of 4 = 4 pack | Pack of 10 = ten | Pack of 24 = big set | Pack of 48 = bulk",
                "tip": "0.3 mm, Extra Fine 0.3 mm = ultra fine, needle | 0.5 mm, Fine 0.5 mm = fine"
                " | 0.7 mm, Medium 0.7 mm = medium"
                " | 1.0 mm, Bold 1.0 mm = thick, bold",
                "ink": "Pastel Ink = pastel | Metallic Ink = shiny, glitter | Black Ink = black"
                " | Erasable Ink = that rub out",
            },
            goes_with="pen refills, notebook",
            says="glides without skipping | dries fast on smooth paper | has a clip that lasts",
            said={"pens for crosswords so I can fix mistakes": "ink=erasable ink"},
        ),
        Kind(
            "sofa cover",
            "Living Room > Sofa Covers",
            42,
            (25, 95),
            names="Sofa Slipcover | Sofa Cover | Sofa Protector",
            asks="couch cover | settee cover | couch protector | lounge cover | davenport cover",
            uses="hide stains on my old couch | keep dog hair off the couch",
            slots={
                "size": "Armchair = for armchair, for one | 2 Seater, Loveseat = for a loveseat"
                " | 3 Seater = for three cushions"
                " | L-Shaped, Sectional = for corner sectional",
                "material": "Velvet, Stretch Velvet = plush, velvety | Jacquard, Stretch Jacquard = textured"
                " | Quilted = padded"
                " | Linen, Linen-Look = linen, natural",
                "feature": "Waterproof = for spills, for kids with juice"
                " | Anti-Slip, with Foam Sticks = that stays put"
                " | Reversible = two sided",
            },
            colours="grey beige blue green brown",
            goes_with="throw blanket",
            says="freshens up tired furniture | tucks in with foam rods | goes in the washing machine",
            said={"the cat ruined my big corner couch": "size=l-shaped"},
        ),
        Kind(
            "throw blanket",
            "Living Room > Blankets",
            15,
            (18, 70),
            names="Throw Blanket | Sofa Throw",
            asks="throw blanket | couch blankie | snuggle blanket",
            uses="cozy up while watching tv",
            slots={
                "material": "Chunky Knit = chunky, knitted | Fleece, Sherpa Fleece = fuzzy"
                " | Cotton Waffle = light, cotton",
                "feature": "Weighted = heavy, for anxiety | Heated = electric, that warms up"
                " | with Tassels = boho, with fringe",
            },
            colours="beige grey green red",
            goes_with="sofa cover",
            says="feels soft from the first wash | folds over an armrest",
        ),
        Kind(
            "light bulb",
            "Lighting > Bulbs",
            13,
            (6, 28),
            names="LED Bulb | Desk Lamp Bulb",
            asks="light bulb | led bulb | replacement bulb for lamp",
            uses="lamp stopped working and needs a new one",
            slots={
                "tone": "Warm White = warm, cozy yellow | Daylight = daylight, cold white"
                " | Color Changing = color changing, rgb",
                "size": "40W Equivalent = dim | 60W Equivalent = 60 watt | 100W Equivalent = very bright",
            },
            goes_with="desk lamp",
            says="uses little power | starts without flicker",
        ),
        Kind(
            "chair mat",
            "Furniture > Chair Mats",
            13,
            (22, 80),
            names="Office Chair Mat | Floor Protector Mat",
            asks="chair mat | plastic thing under computer chair | rolling mat",
            uses="wheels are scratching my floor",
            slots={
                "floor": "for Carpet = for carpet | for Hardwood = for wood floors, for laminate",
                "material": "Clear Vinyl = see through | Felt = felt, quiet | Tempered Glass = glass",
            },
            goes_with="office chair",
            alike="seat cushion",
            says="lets casters roll easily | lies flat out of the box",
        ),
        Kind(
            "seat cushion",
            "Furniture > Seat Cushions",
            14,
            (16, 55),
            names="Seat Cushion | Chair Cushion",
            asks="seat cushion | tailbone pillow | butt pillow",
            uses="sore bottom from sitting all day",
            slots={
                "material": "Memory Foam = foam | Gel = gel, cooling | Buckwheat = natural filling",
                "feature": "with Coccyx Cut-Out = for tailbone pain | with Carry Handle = for stadium, to carry"
                " | Wedge = sloped, angled",
            },
            colours="black grey blue",
            goes_with="office chair",
            alike="chair mat",
            says="takes pressure off the hips | has a cover that zips off",
        ),
        Kind(
            "pen refills",
            "Stationery > Refills",
            13,
            (4, 15),
            names="Gel Pen Refills | Pen Refills",
            asks="pen refills | ink inserts | pen cartridges",
            uses="my favorite pen ran dry",
            slots={
                "tip": "0.5 mm = fine | 0.7 mm = medium | 1.0 mm = thick",
                "ink": "Black Ink = black | Blue Ink = blue | Assorted Ink = mixed colors",
            },
            goes_with="gel pens",
            says="fits most click pens | writes from the first stroke",
        ),
    ),
    "Garden": (
        Kind(
            "garden hose",
            "Watering > Hoses",
            42,
            (19, 90),
            names="Garden Hose | Water Hose | Outdoor Hose",
            asks="garden hose | yard hose | hosepipe | water pipe for the yard | squirt line",
            uses="water the lawn | wash the car in the driveway",
            slots={
                "size": "25 ft = short, 25 ft | 50 ft = 50 foot | 75 ft = 75 feet | 100 ft = extra long, 100 ft",
                "material": "Rubber, Hot-Water Rubber = heavy rubber | Latex, Expanding Latex = that shrinks, stretchy"
                " | Vinyl, Reinforced Vinyl = cheap vinyl | Stainless Steel, Metal = metal, that dogs can't chew",
                "feature": "Kink-Free = that doesn't kink | Drinking-Water-Safe = for drinking water, for rv"
                " | with Brass Fittings = with brass ends",
            },
            colours="green black blue grey",
            goes_with="hose nozzle, hose reel",
            says="coils without fighting back | takes full tap pressure | stays supple in cool weather",
            said={"puppy keeps biting holes in the yard hose": "material=stainless steel"},
        ),
        Kind(
            "planter",
            "Pots > Planters",
            44,
            (9, 75),
            names="Planter Pot | Flower Pot | Plant Container",
            asks="planter | flower pot | plant tub | houseplant home | herb pot",
            uses="repot my monstera | grow basil on the windowsill",
            slots={
                "size": "4 Inch = tiny, for succulents | 6 Inch = 6 inch | 10 Inch = 10 inch"
                " | 14 Inch = huge, for a tree",
                "material": "Ceramic, Glazed Ceramic = ceramic | Terracotta = clay, earthenware"
                " | Recycled Plastic = plastic, unbreakable | Concrete, Fibre Concrete = cement, industrial",
                "style": "Hanging, with Hanger = for the ceiling, hanging"
                " | Self-Watering = for forgetful people, that waters itself"
                " | with Legs, on Wooden Stand = on feet, raised | with Drainage Hole = with hole at the bottom",
            },
            colours="white green grey brown pink blue",
            goes_with="plant saucer, potting mix",
            says="suits indoor and outdoor plants | holds its color in the sun | keeps roots from sitting in water",
            said={"I always forget to water my ferns": "style=self-watering"},
        ),
        Kind(
            "bird feeder",
            "Wildlife > Bird Feeders",
            42,
            (12, 65),
            names="Bird Feeder | Wild Bird Feeding Station | Seed Feeder",
            asks="bird feeder | birdie diner | feeding thing for birds | bird table | seed dispenser",
            uses="watch finches from my kitchen | gift for grandma who loves birds",
            slots={
                "style": "Window, with Suction Cups = that sticks to glass, for window"
                " | Tube, Hanging Tube = tube, long"
                " | Platform, Tray = flat, tray | for Hummingbirds, Nectar = hummingbird, for nectar",
                "feature": "Squirrel-Proof = that squirrels can't rob, squirrel proof"
                " | with Camera = with camera, smart"
                " | with Roof, Weatherproof Roof = for rain, with a roof",
                "material": "Cedar Wood, Cedar = wooden | Metal, Steel = metal | Clear Acrylic, Acrylic = see through",
            },
            colours="green red black brown",
            goes_with="bird seed",
            says="draws finches and tits within days | comes apart for cleaning | fills from the top",
            said={"squirrels eat everything I put out for the cardinals": "feature=squirrel-proof"},
        ),
        Kind(
            "solar light",
            "Lighting > Solar Lights",
            42,
            (15, 70),
            names="Solar Path Lights | Solar Garden Lights | Solar Stake Lights",
            asks="solar lights | yard lights | walkway lamps | garden lanterns | sun lights",
            uses="light up the driveway without electricity | decorate the patio in the evening",
            slots={
                "size": "2 Pack = pair | 4 Pack = four | 8 Pack = eight | 12 Pack = dozen",
                "tone": "Warm White = warm glow, soft yellow | Cool White = bright white"
                " | Color Changing = multicolor, rainbow",
                "style": "Flame Effect, Torch = that look like fire, tiki"
                " | Motion Sensor = for security, that turn on by themselves"
                " | Flower, Lily-Shaped = flower shaped | Mosaic Glass = stained glass",
            },
            colours="black brown white",
            alike="camp lantern, light bulb",
            says="comes on by itself at dusk | needs no wiring | shines for up to ten hours",
            said={"lamps that scare away burglars, no wires": "style=motion sensor"},
        ),
        Kind(
            "pruning shears",
            "Tools > Pruners",
            40,
            (10, 60),
            names="Pruning Shears | Secateurs | Hand Pruner",
            asks="pruning shears | garden scissors | clippers for roses | branch snips | plant cutters",
            uses="cut back my rose bushes | trim twigs off the apple tree",
            slots={
                "style": "Bypass = bypass | Anvil = for dead wood, anvil | Ratchet = for weak hands, for arthritis"
                " | Micro-Tip = for bonsai, precise",
                "material": "Japanese Steel, SK5 Steel = japanese | Titanium-Coated = titanium, that doesn't rust"
                " | Stainless Steel = stainless",
                "feature": "Left-Handed = for lefties, for left hand | with Holster = with belt pouch"
                " | with Spare Blade = with extra blade",
            },
            colours="red green orange black",
            goes_with="garden gloves",
            says="cuts cleanly through green wood | locks shut with a thumb | springs open softly",
            said={"grandpa has sore finger joints but still trims his trees": "style=ratchet"},
        ),
        Kind(
            "garden gloves",
            "Tools > Gloves",
            15,
            (6, 28),
            names="Gardening Gloves | Work Gloves",
            asks="garden gloves | hand protectors | yard mitts",
            uses="hands get scratched by thorns",
            slots={
                "size": "Small = for ladies, small | Medium = medium | Large = for big hands, mens",
                "material": "Leather, Goatskin Leather = leather, thorn proof | Bamboo = breathable"
                " | Nitrile-Coated = waterproof",
            },
            colours="green pink brown",
            goes_with="pruning shears",
            says="keeps thorns and mud out | leaves fingers nimble",
        ),
        Kind(
            "hose nozzle",
            "Watering > Nozzles",
            13,
            (8, 30),
            names="Hose Nozzle | Spray Nozzle",
            asks="hose nozzle | sprayer head | squirter for hose",
            uses="spray seedlings gently",
            slots={
                "material": "Brass = brass | Zinc Alloy = metal | Plastic = plastic, light",
                "feature": "8 Patterns = with many settings | Jet = high pressure, for washing cars"
                " | with Soap Bottle = that foams",
            },
            goes_with="garden hose",
            alike="hose reel",
            says="goes from mist to jet with a twist | does not drip",
        ),
        Kind(
            "hose reel",
            "Watering > Reels",
            12,
            (25, 140),
            names="Hose Reel | Hose Holder",
            asks="hose reel | hose winder | hose hanger",
            uses="tidy up the hosepipe mess",
            slots={
                "style": "Wall-Mounted = for the wall | with Wheels = that rolls, with wheels"
                " | Retractable = that winds itself",
                "material": "Metal = metal | Plastic = plastic",
            },
            colours="green black",
            goes_with="garden hose",
            alike="hose nozzle",
            says="keeps the path free | turns smoothly",
        ),
        Kind(
            "bird seed",
            "Wildlife > Bird Food",
            14,
            (8, 40),
            names="Wild Bird Seed | Bird Food",
            asks="bird seed | birdie snacks | feed for wild birds",
            uses="feed robins in winter",
            slots={
                "mix": "Sunflower Hearts = sunflower | Peanut and Suet = suet, fatty"
                " | No-Mess Mix = no mess, without shells",
                "size": "5 lb = small bag | 10 lb = 10 pound | 20 lb = big sack",
            },
            goes_with="bird feeder",
            says="brings in many kinds of birds | is cleaned of dust",
        ),
        Kind(
            "plant saucer",
            "Pots > Saucers",
            13,
            (6, 28),
            names="Plant Saucers | Pot Drip Trays",
            asks="plant saucer | drip tray | plate for under pots",
            uses="stop pots leaking on the windowsill",
            slots={
                "size": "6 Inch = small | 8 Inch = 8 inch | 12 Inch = big",
                "material": "Terracotta = clay | Clear Plastic = see through | Bamboo = bamboo",
            },
            goes_with="planter",
            alike="potting mix",
            says="catches every drop | protects shelves and sills",
        ),
        Kind(
            "potting mix",
            "Soil > Potting Mix",
            13,
            (7, 35),
            names="Potting Mix | Potting Soil",
            asks="potting mix | dirt for plants | compost for pots",
            uses="my houseplants need fresh earth",
            slots={
                "mix": "for Cactus and Succulents, Cactus = for cactus | for Orchids, Orchid = orchid"
                " | All-Purpose = regular | for Herbs and Vegetables, Vegetable = for tomatoes",
                "feature": "Peat-Free = without peat | Organic = organic, natural",
            },
            goes_with="planter",
            alike="plant saucer",
            says="drains well and still holds moisture | feeds for three months",
        ),
    ),
    "Sports": (
        Kind(
            "yoga mat",
            "Yoga > Mats",
            42,
            (15, 95),
            names="Yoga Mat | Exercise Mat | Pilates Mat",
            asks="yoga mat | stretching mat | workout rug | floor exercise pad | downward dog mat",
            uses="do sit ups on a hard floor | something soft for my knees in pilates",
            slots={
                "thick": "3 mm, Thin 3 mm = thin | 6 mm = 6mm | 10 mm, Thick 10 mm = thick"
                " | 15 mm, Extra Thick 15 mm = super thick",
                "material": "Cork, Natural Cork = cork | Natural Rubber = rubber | TPE = light foam"
                " | Jute = jute, plant fibre",
                "feature": "Extra Long = for tall people | with Alignment Lines = with lines for poses, for beginners"
                " | Foldable, Travel = that folds, for suitcase | Non-Slip = that isn't slippery, grippy",
            },
            colours="purple blue green black pink",
            goes_with="mat strap, mat spray",
            says="grips even when hands sweat | cushions knees and elbows | rolls up tight",
            said={"I'm 6'5 and my hands and feet are off the mat": "feature=extra long"},
        ),
        Kind(
            "resistance bands",
            "Strength > Resistance Bands",
            42,
            (9, 45),
            names="Resistance Bands | Exercise Bands | Workout Loops",
            asks="resistance bands | stretchy bands | booty bands | rubber workout straps | elastic trainers",
            uses="physio exercises after knee surgery | train glutes at home",
            slots={
                "style": "Loop, Mini Loop = loop, small round | Tube, Tube with Handles = with handles"
                " | Pull-Up, Long Pull-Up = for chin ups, pull up | Flat, Flat Therapy = for rehab, flat",
                "material": "Fabric, Cotton Fabric = fabric, that don't roll up | Natural Latex = latex"
                " | TPE, Latex-Free = latex free",
                "size": "Set of 3 = three | Set of 5 = 5 piece | Single = one | Set of 11 = full kit",
            },
            colours="pink green black purple",
            goes_with="door anchor",
            says="adds load step by step | weighs next to nothing in a bag | comes with an exercise chart",
            said={"help me do my first chin up": "style=pull-up"},
        ),
        Kind(
            "dumbbells",
            "Strength > Dumbbells",
            42,
            (15, 240),
            names="Dumbbells | Hand Weights | Free Weights",
            asks="dumbbells | dumbells | hand weights | arm weights | lifting weights",
            uses="tone my arms at home | start lifting without a gym",
            slots={
                "size": "2 lb = very light, 2 lb | 5 lb = 5 pound | 10 lb = 10 pound | 20 lb = 20 pounds"
                " | 50 lb = heavy, 50 lb",
                "material": "Neoprene, Neoprene-Coated = soft coated | Cast Iron = iron"
                " | Rubber Hex, Hex Rubber = that don't roll away"
                " | Chrome = shiny chrome",
                "feature": "Adjustable = that change weight | with Rack, with Storage Rack = with stand"
                " | Pair, Set of 2 = pair, two",
            },
            colours="black pink blue purple",
            goes_with="workout gloves",
            says="sits well in the hand | is clearly marked by weight | does not mark the floor",
            said={"weights for granny's gentle exercise class": "size=2 lb"},
        ),
        Kind(
            "bike helmet",
            "Cycling > Helmets",
            42,
            (22, 130),
            names="Bike Helmet | Cycling Helmet | Bicycle Helmet",
            asks="bike helmet | skid lid | brain bucket | cycle helmet | head protection for bicycle",
            uses="keep my head safe on the way to work | kid learning to ride",
            slots={
                "who": "for Adults, Adult = for grown ups, adult | for Kids, Kids' = for children, kids"
                " | for Toddlers, Toddler = for a 2 year old",
                "style": "Road, Aero Road = for racing, road | Mountain, MTB = for trails, mountain"
                " | Urban, Commuter = for the city"
                " | Full-Face = with chin guard, full face",
                "feature": "with LED Light, with Rear Light = that lights up"
                " | with Visor, with Sun Visor = with peak, with brim"
                " | with Dial Fit, Dial-Fit = that I can adjust",
            },
            colours="black white blue red green pink",
            goes_with="helmet light",
            alike="headlamp",
            says="weighs little and vents well | adjusts with one dial | meets the usual bicycle safety standards",
            said={"protect my jaw riding downhill": "style=full-face"},
        ),
        Kind(
            "gym bag",
            "Training > Gym Bags",
            42,
            (18, 85),
            names="Gym Bag | Sports Duffel | Duffle Bag",
            asks="gym bag | duffel | workout holdall | kit bag | training tote",
            uses="carry sneakers and a towel after work | weekend trip luggage, squishy",
            slots={
                "size": "20L = small | 35L = medium, 35 litre | 50L = large | 80L = enormous",
                "feature": "with Shoe Compartment = with place for shoes"
                " | with Wet Pocket = for wet swimsuit, for pool"
                " | with Yoga Mat Straps = that holds a mat"
                " | with Backpack Straps, Convertible = that I can wear on my back",
                "material": "Canvas, Cotton Canvas = canvas | Waterproof Tarpaulin, Tarpaulin = waterproof"
                " | Quilted Nylon, Nylon = puffy, shiny nylon",
            },
            colours="black grey pink green blue",
            goes_with="workout gloves",
            alike="hiking backpack",
            says="keeps shoes apart from clean clothes | fits a locker | has a padded shoulder strap",
            said={"my trainers make my clothes smell": "feature=with shoe compartment"},
        ),
        Kind(
            "mat strap",
            "Yoga > Mat Accessories",
            13,
            (6, 24),
            names="Yoga Mat Strap | Mat Carrier",
            asks="mat strap | mat sling | carrier for yoga mat",
            uses="bring my mat to class hands free",
            slots={
                "material": "Cotton = cotton | Vegan Leather = leather look | Elastic = stretchy",
                "feature": "Adjustable = adjustable | with Pocket = with pocket for keys"
                " | 2-in-1 Stretch = doubles as stretching strap",
            },
            colours="purple black green",
            goes_with="yoga mat",
            alike="mat spray",
            says="fits any mat thickness | doubles as a stretching aid",
        ),
        Kind(
            "mat spray",
            "Yoga > Mat Accessories",
            12,
            (7, 22),
            names="Yoga Mat Cleaner | Mat Cleaning Spray",
            asks="mat spray | mat wash | mat disinfectant",
            uses="my stretching mat smells",
            slots={
                "scent": "Lavender = lavender | Tea Tree = tea tree | Unscented = without perfume, no smell",
                "size": "2 oz = travel | 4 oz = 4 oz | 8 oz = big",
            },
            goes_with="yoga mat",
            alike="mat strap",
            says="freshens a mat in one wipe | leaves no film",
        ),
        Kind(
            "door anchor",
            "Strength > Band Accessories",
            12,
            (6, 20),
            names="Door Anchor | Band Door Attachment",
            asks="door anchor | door hook for bands | band holder",
            uses="fix elastic bands to a door",
            slots={
                "size": "Single = one | 2 Pack = two | 3 Pack = three",
                "feature": "Heavy-Duty = extra strong | with Padding, Padded = that protects the door",
            },
            goes_with="resistance bands",
            says="turns any door into a cable station | is fitted in seconds",
        ),
        Kind(
            "helmet light",
            "Cycling > Helmet Accessories",
            13,
            (9, 35),
            names="Helmet Light | Clip-On Helmet Lamp",
            asks="helmet light | blinker for helmet | clip on safety light",
            uses="be seen by cars on dark rides",
            slots={
                "style": "Rear Red = red, rear | Front White = front | Front and Rear Set = both sides, set",
                "power": "Rechargeable = rechargeable | Coin Cell = with coin battery",
            },
            goes_with="bike helmet",
            alike="headlamp",
            says="clips on without tools | is visible from afar",
        ),
        Kind(
            "workout gloves",
            "Training > Gloves",
            15,
            (8, 32),
            names="Workout Gloves | Weight Lifting Gloves",
            asks="workout gloves | lifting mitts | gym hand grips",
            uses="no more calluses from barbells",
            slots={
                "style": "Fingerless = fingerless, half finger | Full-Finger = full finger"
                " | Palm Grips = just the palms",
                "feature": "with Wrist Wrap = with wrist support | Breathable = airy"
                " | Touchscreen = that work with phones",
            },
            colours="black pink grey",
            goes_with="dumbbells, gym bag",
            alike="garden gloves",
            says="pads the palm where bars press | dries quickly",
        ),
    ),
    "Pets": (
        Kind(
            "dog bed",
            "Dogs > Beds",
            44,
            (22, 140),
            names="Dog Bed | Pet Bed | Dog Mattress",
            asks="dog bed | pup couch | doggo bed | dog pillow | hound mattress",
            uses="my old labrador has sore hips | cozy corner for my puppy",
            slots={
                "size": "Small = for a chihuahua, small | Medium = medium | Large = for a big dog, large"
                " | Extra Large, XL = for a great dane, giant",
                "style": "Orthopedic, Memory Foam = for joint pain, for senior dogs"
                " | Donut, Calming Donut = round fluffy, for anxious dogs"
                " | Elevated, Raised Cot = off the ground, cot | Bolster, Sofa-Style = with sides",
                "feature": "Waterproof = for accidents, that pee doesn't soak"
                " | Chew-Resistant = that can't be destroyed"
                " | with Washable Cover, Machine Washable = that can be washed",
            },
            colours="grey brown blue beige green",
            goes_with="bed cover",
            alike="cat tree",
            says="keeps its shape night after night | has a non-slip underside | warms up quickly",
            said={"puppy shreds every pillow we give him": "feature=chew-resistant"},
        ),
        Kind(
            "dog leash",
            "Dogs > Leashes",
            42,
            (9, 40),
            names="Dog Leash | Dog Lead | Walking Leash",
            asks="dog leash | dog lead | puppy rope | walkies strap | doggo leash",
            uses="walk a dog that pulls | jogging with my dog",
            slots={
                "size": "4 ft = short, 4 ft | 6 ft = 6 foot | 10 ft = 10 ft"
                " | 30 ft, 30 ft Training = very long, for recall training",
                "style": "Retractable = that rolls in, extending | Hands-Free, Waist Belt = that goes round my waist"
                " | Rope, Climbing Rope = rope | Double, 2-Dog = for two dogs",
                "feature": "Reflective = for night walks, that glows | with Padded Handle = that doesn't hurt my hand"
                " | with Bungee, Shock-Absorbing = stretchy, for pullers",
            },
            colours="red blue black green orange pink",
            goes_with="poop bags, treat pouch",
            says="clips on with a swivel hook | is kind to the hand | dries fast after wet walks",
            said={"I walk both my beagles at once": "style=double"},
        ),
        Kind(
            "cat tree",
            "Cats > Trees and Scratchers",
            42,
            (29, 190),
            names="Cat Tree | Cat Tower | Scratching Tree",
            asks="cat tree | kitty condo | cat furniture | climbing thing for cats | cat jungle gym",
            uses="cat keeps scratching my couch | keep an indoor cat busy",
            slots={
                "size": "32 Inch = short, low | 48 Inch = 48 inch | 60 Inch = tall, 60 inch"
                " | 72 Inch = ceiling high, 72 inch",
                "feature": "with Hammock = with hammock | with Hideaway, with Cubby House = with cave to hide"
                " | with Window Perch = to look outside | with Dangling Toys = with toys",
                "style": "for Large Cats, Heavy-Base = for fat cats, for maine coon"
                " | for Kittens, Kitten = for kittens"
                " | Modern Wood, Wooden = that looks nice, modern",
            },
            colours="grey beige brown white",
            goes_with="catnip",
            says="stands firm when cats leap | has posts wrapped in sisal | takes turns as bed and lookout",
            said={"my 20 pound cat tipped over the last tower": "style=for large cats"},
        ),
        Kind(
            "pet fountain",
            "Feeding > Water Fountains",
            42,
            (19, 75),
            names="Pet Water Fountain | Cat Drinking Fountain | Automatic Pet Waterer",
            asks="pet fountain | kitty drinker | running water bowl | cat bubbler | pet waterer",
            uses="my cat only drinks from the tap | fresh water while we are at work",
            slots={
                "size": "50 oz, 1.5 L = small | 70 oz, 2 L = medium | 100 oz, 3 L = large"
                " | 200 oz, 6 L = for several pets, huge",
                "material": "Stainless Steel = metal | Ceramic = ceramic, porcelain"
                " | BPA-Free Plastic, Clear Plastic = plastic",
                "feature": "Ultra-Quiet = silent | Cordless, Wireless Pump = without cord, battery"
                " | with LED Window, with Water Window = that shows the level | with Faucet Spout = like a faucet",
            },
            colours="white grey blue pink green",
            goes_with="fountain filters",
            says="keeps water moving and cool | comes apart for rinsing | nudges shy drinkers to drink more",
            said={"skittish cat is scared of pump noise": "feature=ultra-quiet"},
        ),
        Kind(
            "dog toy",
            "Dogs > Toys",
            42,
            (6, 28),
            names="Dog Chew Toy | Dog Toy | Puppy Toy",
            asks="dog toy | chewy | pup plaything | gnaw toy | doggo toy",
            uses="bored dog eats my shoes | puppy is teething",
            slots={
                "style": "Rope Tug, Tug Rope = for tug of war | Squeaky, Squeaker = squeaky, that makes noise"
                " | Ball, Fetch Ball = to throw, fetch"
                " | Treat Puzzle, Treat-Dispensing = that hides food, brain game",
                "material": "Natural Rubber, Rubber = rubber, bouncy | Plush = soft, stuffed | Cotton = cotton"
                " | Nylon = hard nylon",
                "size": "for Small Dogs, Small = for small dogs | for Medium Dogs, Medium = for medium dogs"
                " | for Large Dogs, Large = for big dogs",
            },
            colours="orange blue green red yellow pink",
            goes_with="treat pouch",
            alike="plush toy",
            says="stands up to hard chewing | cleans teeth while playing | floats in water",
            said={"keep my smart poodle's mind busy": "style=treat puzzle"},
        ),
        Kind(
            "bed cover",
            "Dogs > Bed Covers",
            13,
            (14, 45),
            names="Replacement Dog Bed Cover | Pet Bed Cover",
            asks="dog bed cover | spare cover for pet bed | mattress sheet for dogs",
            uses="the zip on my dog's cushion broke",
            slots={
                "size": "Small = small | Medium = medium | Large = large | Extra Large = giant",
                "material": "Waterproof Canvas = waterproof | Plush = fluffy | Microfiber = microfibre",
            },
            colours="grey brown",
            goes_with="dog bed",
            alike="sofa cover",
            says="zips on in a minute | survives weekly washing",
        ),
        Kind(
            "poop bags",
            "Dogs > Walking Accessories",
            14,
            (6, 24),
            names="Poop Bags | Dog Waste Bags",
            asks="poop bags | doggy doo bags | poo sacks",
            uses="pick up after my dog",
            slots={
                "size": "120 Count = 120 | 300 Count = 300 | 600 Count = bulk, 600",
                "feature": "Compostable = eco, that rot | Lavender-Scented = scented | with Dispenser = with holder",
            },
            colours="green black",
            goes_with="dog leash",
            alike="treat pouch",
            says="tears off cleanly | is thick enough to trust",
        ),
        Kind(
            "treat pouch",
            "Dogs > Training Accessories",
            13,
            (8, 26),
            names="Dog Treat Pouch | Training Treat Bag",
            asks="treat pouch | goodie bag for dog training | snack pouch",
            uses="reward my dog during training",
            slots={
                "material": "Silicone = rubber | Canvas = canvas | Nylon = nylon",
                "feature": "with Clip = with belt clip | with Waist Belt = to wear round waist"
                " | with Magnetic Closure = with magnet",
            },
            colours="grey orange blue",
            goes_with="dog leash, dog toy",
            alike="poop bags",
            says="opens wide for a quick reward | rinses clean",
        ),
        Kind(
            "catnip",
            "Cats > Catnip",
            13,
            (5, 20),
            names="Catnip | Organic Catnip",
            asks="catnip | kitty weed | nip for cats",
            uses="make my cat use the scratcher",
            slots={
                "style": "Dried Leaf = leaf, dried | Spray = spray | Bubbles = bubbles",
                "size": "1 oz = small | 4 oz = 4 oz | 8 oz = big jar",
            },
            goes_with="cat tree",
            says="is grown without pesticides | smells fresh on opening",
        ),
        Kind(
            "fountain filters",
            "Feeding > Fountain Accessories",
            13,
            (7, 24),
            names="Pet Fountain Filters | Replacement Filters",
            asks="fountain filters | carbon pads for cat fountain | filter refills for waterer",
            uses="water in the kitty drinker tastes bad",
            slots={
                "size": "4 Pack = four | 8 Pack = 8 | 12 Pack = year supply, 12",
                "style": "Carbon = charcoal | Foam = foam, sponge | Carbon and Foam Kit = complete kit",
            },
            goes_with="pet fountain",
            says="catches hair before the pump | softens hard water",
        ),
    ),
    "Toys & Baby": (
        Kind(
            "train set",
            "Toys > Trains",
            42,
            (19, 120),
            names="Train Set | Toy Railway | Railway Set",
            asks="train set | choo choo | toy trains | toy railroad | locomotive playset",
            uses="gift for toddler who likes trains | birthday of a boy mad about engines",
            slots={
                "size": "30 Pieces = small, 30 piece | 50 Pieces = 50 piece | 80 Pieces = 80 pc"
                " | 130 Pieces = giant, 130 piece",
                "material": "Wooden, Beechwood = wood, wooden | Plastic = plastic | Metal, Die-Cast = metal",
                "feature": "Battery Powered = that drives itself, motorized | with Bridge and Tunnel = with tunnel"
                " | with Lights and Sounds = noisy, with sound | Magnetic = with magnets",
            },
            goes_with="train tracks, toy bin",
            alike="building blocks",
            says="couples with a gentle click | grows with more track | invites play for hours",
            said={"engine that goes around by itself for under the christmas tree": "feature=battery powered"},
        ),
        Kind(
            "building blocks",
            "Toys > Building Toys",
            42,
            (14, 75),
            names="Building Blocks | Stacking Blocks | Construction Blocks",
            asks="building blocks | toy bricks | builder cubes | construction toy | stacking bricks",
            uses="quiet toy for building towers | creative play for preschool",
            slots={
                "size": "40 Pieces = 40 piece | 60 Pieces = 60 | 100 Pieces = 100 piece"
                " | 250 Pieces = huge set, 250 piece",
                "material": "Wooden, Natural Wood = wooden | Soft Foam, Foam = soft, that don't hurt"
                " | Magnetic, Magnetic Tile = magnet"
                " | Plastic = plastic",
                "age": "for Toddlers, Ages 1+ = for one year old, for babies"
                " | for Preschoolers, Ages 3+ = for 3 year old"
                " | for Big Kids, Ages 6+ = for 7 year old, for school kids",
            },
            goes_with="toy bin",
            alike="train set, puzzle",
            says="trains little hands and big ideas | has colors that do not rub off | tidies away in a bag",
            said={"cubes that don't hurt when my son throws them": "material=soft foam"},
        ),
        Kind(
            "plush toy",
            "Toys > Plush",
            42,
            (9, 48),
            names="Plush Toy | Stuffed Animal | Soft Toy",
            asks="stuffed animal | stuffie | cuddly toy | teddy | snuggle buddy",
            uses="bedtime friend for a little one | get well present for my niece",
            slots={
                "animal": "Bear = bear | Bunny, Rabbit = rabbit, bunny | Elephant = elephant"
                " | Dinosaur = dino, t rex | Fox = fox",
                "size": "8 Inch = tiny | 12 Inch = 12 inch | 20 Inch = big"
                " | 36 Inch, Jumbo 36 Inch = giant, life size",
                "feature": "Weighted = heavy, for anxious kids"
                " | with Music Box, Musical = that plays lullabies, musical"
                " | Heatable, Microwavable = that can be warmed up",
            },
            colours="brown grey pink white green",
            goes_with="toy bin",
            alike="dog toy",
            says="is soft enough for newborn skin | has a stitched face with no loose parts | can go in the wash",
            said={"something t rex shaped to cuddle": "animal=dinosaur"},
        ),
        Kind(
            "sippy cup",
            "Baby > Feeding",
            42,
            (6, 26),
            names="Sippy Cup | Toddler Training Cup | Learner Cup",
            asks="sippy cup | sippy | no spill baby cup | baby beaker | trainer cup",
            uses="baby is moving on from the bottle | drinks in the car without a mess",
            slots={
                "lid": "with Straw, Weighted Straw = with a straw | 360 Rim, Spoutless = that drinks like a real glass"
                " | Soft Spout = with soft nipple | Hard Spout = with hard spout",
                "material": "Stainless Steel = metal | Silicone = silicone | BPA-Free Plastic = plastic"
                " | Glass = glass",
                "size": "5 oz = tiny | 7 oz = 7 oz | 10 oz = bigger",
                "handles": "with Handles, Two-Handled = with handles | without Handles, Handle-Free = without handles",
            },
            colours="pink blue green yellow",
            goes_with="spare straws, bottle brush",
            alike="water bottle, travel mug",
            says="stays shut when it is thrown | suits small hands | has a valve that comes out for cleaning",
            said={"cup for a toddler, speech therapist says no spouts": "lid=360 rim"},
        ),
        Kind(
            "stroller",
            "Baby > Strollers",
            42,
            (69, 420),
            names="Stroller | Baby Stroller | Pushchair",
            asks="stroller | pram | baby buggy | push chair | kid carriage",
            uses="run in the park with my newborn | get around the airport with a toddler",
            slots={
                "style": "Umbrella, Compact Umbrella = cheap fold up"
                " | Jogging, 3-Wheel Jogging = for running, with big wheels"
                " | Double, Twin = for twins, for two kids | Travel System = with car seat, from birth",
                "feature": "with One-Hand Fold = that folds with one hand"
                " | with Reclining Seat = that lies flat for naps"
                " | with Large Basket = with room for groceries",
                "weight": "Ultralight 12 lb, 12 lb = very light | 18 lb = 18 lb | 26 lb = sturdy",
            },
            colours="grey black blue green beige",
            goes_with="stroller organiser, stroller cover",
            says="steers with one hand | goes over kerbs without jolts | fits into a small boot",
            said={"we are having two babies at once": "style=double"},
        ),
        Kind(
            "puzzle",
            "Toys > Puzzles",
            42,
            (8, 36),
            names="Jigsaw Puzzle | Picture Puzzle | Puzzle",
            asks="jigsaw | puzzle | jig saw | piece together picture | puzzel game",
            uses="rainy day with the grandparents | quiet evening hobby",
            slots={
                "size": "24 Pieces, 24 Large Pieces = for little kids, 24 piece | 100 Pieces = 100 piece"
                " | 500 Pieces = 500 pc"
                " | 1000 Pieces = 1000 piece, difficult | 2000 Pieces = really hard, 2000 piece",
                "theme": "Ocean, Coral Reef = sea animals, fish | Space, Solar System = planets, outer space"
                " | Forest, Woodland = animals in the woods"
                " | City, City Skyline = buildings, city at night | World Map = geography, countries",
                "material": "Wooden = wood | Cardboard = cardboard | Foam = foam",
            },
            goes_with="puzzle mat",
            alike="building blocks",
            says="has pieces that fit snugly | is printed in clear, matte colors | includes a poster",
            said={"teach my kid where countries are": "theme=world map"},
        ),
        Kind(
            "train tracks",
            "Toys > Train Accessories",
            13,
            (9, 35),
            names="Train Track Expansion | Railway Track Pack",
            asks="extra train tracks | more rails | track add on",
            uses="make the choo choo layout bigger",
            slots={
                "style": "Curved = curvy | Switch and Crossing = with switches, with crossing | Bridge = bridge, ramp",
                "material": "Wooden = wood | Plastic = plastic",
            },
            goes_with="train set",
            alike="toy bin",
            says="fits the usual track gauge | adds new routes",
        ),
        Kind(
            "toy bin",
            "Toys > Storage",
            15,
            (14, 60),
            names="Toy Storage Bin | Toy Chest | Toy Basket",
            asks="toy box | toy tub | plaything tidy",
            uses="kids room is a mess",
            slots={
                "material": "Cotton Rope = rope, woven | Fabric = cloth | Wooden = wood | Plastic = plastic",
                "feature": "with Lid = with lid | with Wheels = that rolls | Collapsible = that folds flat",
            },
            colours="grey white pink green",
            goes_with="train set, building blocks, plush toy",
            alike="train tracks",
            says="makes tidying a game | is low enough for small arms",
        ),
        Kind(
            "spare straws",
            "Baby > Feeding Accessories",
            12,
            (4, 15),
            names="Replacement Straws | Spare Cup Straws",
            asks="spare straws for sippy | straw refills | new straws for baby beaker",
            uses="my toddler bit through the straw",
            slots={
                "material": "Silicone = silicone | Plastic = plastic",
                "size": "2 Pack = two | 4 Pack = four | 6 Pack = 6",
            },
            goes_with="sippy cup",
            says="fits most learner cups | comes with a thin brush",
        ),
        Kind(
            "stroller organiser",
            "Baby > Stroller Accessories",
            13,
            (10, 38),
            names="Stroller Organizer | Stroller Caddy",
            asks="stroller organizer | pram bag | buggy caddy",
            uses="somewhere for keys and coffee on the buggy",
            slots={
                "feature": "with Cup Holders = with drink holder | with Phone Pocket = with phone slot"
                " | Insulated = that keeps bottles warm",
                "material": "Polyester = polyester | Vegan Leather = leather look",
            },
            colours="grey black",
            goes_with="stroller",
            alike="stroller cover",
            says="straps on to any handlebar | keeps both hands free",
        ),
        Kind(
            "stroller cover",
            "Baby > Stroller Accessories",
            13,
            (9, 34),
            names="Stroller Rain Cover | Stroller Weather Shield",
            asks="stroller rain cover | pram raincoat | buggy plastic",
            uses="walk the baby when it pours",
            slots={
                "style": "Universal = fits all | for Double Strollers, Twin = for twins"
                " | with Mosquito Net = with bug net",
                "feature": "with Window = with little window | with Vents = with air holes",
            },
            goes_with="stroller",
            alike="stroller organiser",
            says="goes on in seconds | lets air in and keeps rain out",
        ),
        Kind(
            "puzzle mat",
            "Toys > Puzzle Accessories",
            12,
            (12, 40),
            names="Puzzle Mat | Puzzle Board",
            asks="puzzle mat | jigsaw roll | puzzle saver",
            uses="clear the table without breaking my jigsaw",
            slots={
                "size": "1000 Pieces = for 1000 | 1500 Pieces = for 1500 | 2000 Pieces = for 2000",
                "style": "Roll-Up Felt = that rolls, felt | Wooden with Drawers = with drawers"
                " | Portable Case = portable",
            },
            goes_with="puzzle",
            says="holds pieces in place | stores under the bed",
        ),
    ),
}

KINDS_ES: dict[str, tuple[Kind, ...]] = {
    "Cocina": (
        Kind(
            "botella",
            "Bebidas > Botellas",
            22,
            (9, 35),
            names="Botella de Agua | Botella Térmica",
            asks="botella de agua | cantimplora | botella para el gimnasio",
            uses="algo para llevar agua al cole",
            slots={
                "tamaño": "500 ml = medio litro, 500 ml | 750 ml | 1 Litro = un litro, grande",
                "material": "de Acero Inoxidable = de metal, de acero | de Cristal = de vidrio"
                " | de Plástico sin BPA = de plástico",
                "tapa": "con Pajita = con cañita, con pajita | con Tapón de Rosca = con tapón | con Asa = con asa",
            },
            colours="negro blanco azul verde rosa",
            goes_with="cepillo",
            alike="taza",
            says="mantiene el agua fría todo el día | no gotea en la mochila",
        ),
        Kind(
            "taza",
            "Bebidas > Tazas Térmicas",
            20,
            (10, 30),
            names="Taza Térmica | Vaso Térmico | Termo de Café",
            asks="taza para llevar | vaso para el café | termo",
            uses="café caliente en la oficina",
            slots={
                "tamaño": "300 ml = pequeño, 300 ml | 400 ml | 500 ml = grande, 500 ml",
                "material": "de Acero = de metal | de Cerámica = de cerámica | de Bambú = ecológico, de bambú",
                "extra": "Antigoteo = que no gotea | con Infusor = para té"
                " | para Lavavajillas = que se pueda lavar a máquina",
            },
            colours="negro blanco rojo verde gris",
            goes_with="cepillo",
            alike="botella",
            says="conserva el calor durante seis horas | cabe en el posavasos del coche",
        ),
        Kind(
            "cepillo",
            "Limpieza > Cepillos",
            11,
            (5, 14),
            names="Cepillo Limpiabotellas | Escobilla para Botellas",
            asks="cepillo para limpiar botellas | limpiabotellas",
            uses="fregar por dentro un termo",
            slots={
                "material": "de Silicona = de silicona | de Nailon = de nailon | de Esponja = de esponja",
                "tamaño": "1 Unidad = uno | Pack de 2 = dos | Pack de 3 = tres",
            },
            goes_with="botella, taza",
            says="llega hasta el fondo | se seca colgado",
        ),
    ),
    "Aire libre": (
        Kind(
            "tienda",
            "Acampada > Tiendas",
            20,
            (49, 290),
            names="Tienda de Campaña | Tienda Iglú",
            asks="tienda de campaña | carpa | casita para acampar",
            uses="dormir en un festival",
            slots={
                "tamaño": "2 Personas = para dos, para pareja | 4 Personas = para cuatro"
                " | 6 Personas = familiar, para seis",
                "montaje": "Instantánea = que se monta sola | Ultraligera = que pese poco | con Avancé = con porche",
                "temporada": "4 Estaciones = para invierno, para nieve | 3 Estaciones = tres estaciones",
            },
            colours="verde azul gris rojo",
            goes_with="piquetas",
            says="resiste la lluvia constante | se monta con dos varillas",
        ),
        Kind(
            "mochila",
            "Senderismo > Mochilas",
            22,
            (29, 160),
            names="Mochila de Senderismo | Mochila de Montaña",
            asks="mochila de montaña | macuto | mochila para caminar",
            uses="hacer el camino de santiago",
            slots={
                "tamaño": "20 Litros = pequeña, para un día | 40 Litros = mediana"
                " | 65 Litros = muy grande, para dos semanas",
                "talla": "para Mujer = de mujer | para Hombre = de hombre | para Niños = infantil, para niños",
                "extra": "Impermeable = para la lluvia | con Espalda Ventilada = que no dé calor en la espalda",
            },
            colours="verde azul negro rojo",
            says="reparte el peso en la cadera | tiene bolsillos al alcance de la mano",
        ),
        Kind(
            "piquetas",
            "Acampada > Accesorios",
            11,
            (6, 24),
            names="Piquetas para Tienda | Clavijas para Tienda",
            asks="piquetas | clavos para la tienda",
            uses="sujetar la carpa al suelo",
            slots={
                "material": "de Aluminio = ligeras | de Acero = fuertes, para suelo duro | de Plástico = para arena",
                "tamaño": "Pack de 8 = ocho | Pack de 12 = doce",
            },
            goes_with="tienda",
            says="agarra bien en suelo blando | se saca con un tirón",
        ),
    ),
    "Electrónica": (
        Kind(
            "auriculares",
            "Audio > Auriculares",
            22,
            (15, 120),
            names="Auriculares Inalámbricos | Auriculares de Botón",
            asks="auriculares | cascos sin cable | audífonos",
            uses="oír música al correr",
            slots={
                "extra": "con Cancelación de Ruido = que quiten el ruido | Deportivos = para deporte"
                " | para Dormir = para dormir",
                "batería": "24 Horas = 24 horas | 40 Horas = mucha batería, 40 horas | 12 Horas = 12 horas",
            },
            colours="negro blanco azul rosa",
            goes_with="funda",
            says="se enlaza al abrir el estuche | suena claro a bajo volumen",
        ),
        Kind(
            "funda",
            "Audio > Accesorios",
            11,
            (5, 18),
            names="Funda para Auriculares | Estuche para Auriculares",
            asks="funda para cascos | cajita para auriculares",
            uses="no perder los audífonos en el bolso",
            slots={
                "material": "de Silicona = de goma | Rígida = dura | de Piel Vegana = de piel",
                "extra": "con Mosquetón = con gancho | con Cremallera = con cremallera",
            },
            colours="negro rosa verde",
            goes_with="auriculares",
            says="protege de golpes y arañazos | deja libre el puerto de carga",
        ),
    ),
    "Hogar y oficina": (
        Kind(
            "lámpara",
            "Iluminación > Lámparas",
            22,
            (18, 85),
            names="Lámpara de Escritorio | Lámpara de Mesa LED | Flexo LED",
            asks="lámpara de escritorio | flexo | luz para estudiar",
            uses="leer de noche sin cansar la vista",
            slots={
                "forma": "con Pinza = que se enganche a la mesa | Flexible = que se doble | Retro = antigua, vintage",
                "extra": "Regulable = con intensidad regulable | con Cargador = que cargue el móvil"
                " | Recargable = sin cable",
            },
            colours="negro blanco verde gris",
            says="ilumina sin deslumbrar | ocupa muy poco",
        ),
    ),
    "Deporte": (
        Kind(
            "esterilla",
            "Yoga > Esterillas",
            20,
            (14, 70),
            names="Esterilla de Yoga | Colchoneta de Pilates",
            asks="esterilla | colchoneta para ejercicio | alfombrilla de yoga",
            uses="hacer abdominales en casa",
            slots={
                "grosor": "4 mm = fina | 6 mm | 10 mm = gruesa, gordita",
                "material": "de Corcho = de corcho | de Caucho = de goma | de Espuma = blandita",
                "extra": "Antideslizante = que no resbale | Plegable = para viajar | con Correa = con cinta",
            },
            colours="azul verde rosa negro",
            says="amortigua rodillas y codos | se enrolla sin esfuerzo",
        ),
    ),
    "Mascotas": (
        Kind(
            "cama",
            "Perros > Camas",
            20,
            (20, 110),
            names="Cama para Perro | Colchón para Perro",
            asks="cama para perro | camita de perros | sofá para mi perro",
            uses="mi perro mayor duerme en el suelo",
            slots={
                "tamaño": "Pequeña = pequeña, para chihuahua | Mediana = mediana | Grande = para perro grande",
                "forma": "Ortopédica = para dolor de huesos | Redonda = redondita | Elevada = que no toque el suelo",
                "extra": "Impermeable = a prueba de pis | Lavable = que se pueda lavar",
            },
            colours="gris azul verde",
            says="no pierde la forma | tiene base antideslizante",
        ),
    ),
}
