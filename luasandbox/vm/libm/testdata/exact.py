# Writes exact.txt: arguments, and the floats nearest to the exact results, in
# hexadecimal. Needs mpmath.
import math, random
from mpmath import mp, mpf
import mpmath

random.seed(5)
mp.prec = 1400  # sines of the largest floats

def nearest(v):
    """The float nearest to v, ties to even; mpmath rounds to 53 bits, C to the least float's unit below."""
    if v == 0:
        return 0.0
    if abs(v) >= mpf(2) ** 1024 * (1 - mpf(2) ** -54):
        return math.copysign(math.inf, v)
    e = mpmath.frexp(v)[1]
    unit = mpf(2) ** max(e - 53, -1074)
    n = v / unit
    low = mpmath.floor(n)
    rest = n - low
    if rest > mpf("0.5") or (rest == mpf("0.5") and int(low) % 2 == 1):
        low += 1
    return float(low * unit)

def any_float(lo, hi):
    return math.ldexp(random.choice([-1, 1]) * random.uniform(0.5, 1), random.randint(lo, hi))

def positive(lo, hi):
    return abs(any_float(lo, hi))

one = {
    "exp": (mpmath.exp, lambda: any_float(-30, 10)),
    "log": (mpmath.log, lambda: random.choice([positive(-1073, 1024), positive(-3, 3), 1 + any_float(-40, -3)])),
    "log10": (mpmath.log10, lambda: random.choice([positive(-1073, 1024), positive(-3, 10), float(10 ** random.randint(0, 22))])),
    "sinh": (mpmath.sinh, lambda: any_float(-30, 10)),
    "cosh": (mpmath.cosh, lambda: any_float(-30, 10)),
    "tanh": (mpmath.tanh, lambda: any_float(-30, 6)),
    "sin": (mpmath.sin, lambda: random.choice([any_float(-30, 1023), any_float(-3, 10), random.randint(1, 10 ** 6) * math.pi])),
    "cos": (mpmath.cos, lambda: random.choice([any_float(-30, 1023), any_float(-3, 10), (random.randint(1, 10 ** 6) - 0.5) * math.pi])),
    "tan": (mpmath.tan, lambda: random.choice([any_float(-30, 1023), any_float(-3, 10), random.randint(1, 10 ** 6) * math.pi / 2])),
    "asin": (mpmath.asin, lambda: random.choice([any_float(-30, 0), random.choice([-1, 1]) * (1 - positive(-40, -1))])),
    "acos": (mpmath.acos, lambda: random.choice([any_float(-30, 0), random.choice([-1, 1]) * (1 - positive(-40, -1))])),
    "atan": (mpmath.atan, lambda: any_float(-30, 60)),
}
def power(x, y):
    if abs(y * math.log(x)) > 760:
        return mpf(2) ** (2000 if y * math.log(x) > 0 else -2000)
    return mpf(x) ** mpf(y)
two = {
    "pow": (power, lambda: random.choice([
        (positive(-20, 20), any_float(-5, 6)),
        (positive(-1073, 1024), any_float(-10, 1)),
        (float(random.randint(2, 1000)), float(random.randint(-30, 60))),
        (float(random.randint(2 ** 26, 2 ** 27)), 2.0),
        (float((2 * random.randint(2 ** 16, 2 ** 17) + 1) ** 2), 1.5),
        (float(10 ** random.randint(1, 5)), float(random.randint(-300, 300))),
        (2.0, float(random.randint(-1100, 1024))),
        (1.5, float(random.randint(-1900, 1800))),
        (1 + any_float(-40, -10), any_float(10, 45)),
    ])),
    "atan2": (lambda y, x: mpmath.atan2(y, x), lambda: random.choice([
        (any_float(-3, 3), any_float(-3, 3)),
        (any_float(-1073, 1023), any_float(-1073, 1023)),
        (any_float(-1073, -1000), any_float(-20, 20)),
        (any_float(-60, 60), any_float(-60, 60)),
    ])),
}
with open("exact.txt", "w") as out:
    for name, (f, draw) in one.items():
        for _ in range(COUNT if "COUNT" in globals() else 400):
            x = draw()
            out.write("%s %s %s\n" % (name, x.hex(), nearest(f(mpf(x))).hex()))
    for name, (f, draw) in two.items():
        for _ in range(COUNT if "COUNT" in globals() else 400):
            x, y = draw()
            out.write("%s %s %s %s\n" % (name, x.hex(), y.hex(), nearest(f(mpf(x), mpf(y)) if name == "atan2" else f(x, y)).hex()))
