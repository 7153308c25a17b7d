"""DAT080 fitted-before-split."""

from tests.checks.data.scripts import script

from tunewell.checks.data.fitted_before_split import fitted_before_split
from tunewell.testing import CheckCases

IMPORTS = """
from sklearn.preprocessing import StandardScaler, LabelEncoder
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split
"""


class TestFittedBeforeSplit(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = fitted_before_split
    faulty = {
        "in one expression": (
            script(IMPORTS + "X = TfidfVectorizer().fit_transform(t)\na, b = train_test_split(X)"),
        ),
        "in steps, in a function": (
            script(
                IMPORTS + "def main(x, y):\n    s = StandardScaler()\n    s.fit(x)\n"
                "    z = s.transform(x)\n"
                "    z = z[:, :5]\n    return train_test_split(z, y, test_size=0.2)"
            ),
        ),
    }
    nearly = {
        "split first": (
            script(
                IMPORTS + "a, b = train_test_split(t)\nv = TfidfVectorizer()\n"
                "a = v.fit_transform(a)\nb = v.transform(b)\na1, a2 = train_test_split(c)"
            ),
        ),
        "names of classes": (
            script(
                IMPORTS + "y = LabelEncoder().fit_transform(labels)\na, b = train_test_split(X, y)"
            ),
        ),
        "the name holds something else by then": (
            script(
                IMPORTS + "X = TfidfVectorizer().fit_transform(t)\nX = load()\n"
                "a, b = train_test_split(X)"
            ),
        ),
        "another function's variable": (
            script(
                IMPORTS + "def one():\n    X = TfidfVectorizer().fit_transform(t)\n"
                "def two(X):\n    return train_test_split(X)"
            ),
        ),
    }
    clean = {"nothing is fitted": (script(IMPORTS + "a, b = train_test_split(t)"),)}
