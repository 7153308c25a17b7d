"""What a script does, read off its syntax tree."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.facts.memo import fact
from tunewell.subjects.script import LocalModule, Script


@dataclass(frozen=True, slots=True)
class MappedCall:
    """A `.map(...)` that hands over a function of a local module."""

    line: int
    function: str
    module: LocalModule


@fact
def imported_functions(script: Script) -> dict[str, LocalModule]:
    """Names that the script took from modules beside it, and the module of each."""
    found: dict[str, LocalModule] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module in script.local:
            for alias in node.names:
                found[alias.asname or alias.name] = script.local[node.module]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in script.local:
                    found[alias.asname or alias.name] = script.local[alias.name]
    return found


@fact
def cached_maps(script: Script) -> tuple[MappedCall, ...]:
    """Calls of `Dataset.map` with a function of a local module, whose result the cache may give.

    A call that switches the cache off, or names its own fingerprint, is left out; so is a script
    that does not import Hugging Face datasets.
    """
    if not _imports(script.tree, "datasets"):
        return ()
    local = imported_functions(script)
    if _caching_is_off(script.tree):
        return ()
    found: list[MappedCall] = []
    for call in _calls(script.tree):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in {"map", "filter"}:
            continue
        given = {keyword.arg for keyword in call.keywords}
        if given & {"new_fingerprint", "load_from_cache_file", "cache_file_name"}:
            continue
        handed = next(
            (k.value for k in call.keywords if k.arg == "function"),
            call.args[0] if call.args else None,
        )
        name = _root(handed)
        if handed is not None and name in local:
            found.append(MappedCall(call.lineno, ast.unparse(handed), local[name]))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class FittedBeforeSplit:
    """A transformer fitted on data that is split only afterwards."""

    fit_line: int
    split_line: int
    transformer: str
    data: str


TRANSFORMERS = frozenset(
    {
        "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "QuantileTransformer",
        "PowerTransformer", "KBinsDiscretizer", "SimpleImputer", "IterativeImputer", "KNNImputer",
        "PCA", "TruncatedSVD", "NMF", "FactorAnalysis", "SelectKBest", "SelectPercentile",
        "SelectFromModel", "RFE", "RFECV", "VarianceThreshold", "TargetEncoder", "TfidfVectorizer",
        "TfidfTransformer", "CountVectorizer",
    }
)  # fmt: skip
"""Classes of scikit-learn whose fit takes something from the rows that later rows then carry.

Label encoders are left out: the names of the classes tell nothing of the evaluation rows."""

SPLITTERS = frozenset({"train_test_split"})


@fact
def fitted_before_split(script: Script) -> tuple[FittedBeforeSplit, ...]:
    """Transformers whose output, fitted on all rows, is then split into training and evaluation.

    Followed through assignments within one function or the module's top level, in written order.
    """
    return tuple(found for body in _bodies(script.tree) for found in _Flow().follow(body))


class _Flow:
    """Which names hold transformers, and which hold what a fitted one gave out."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._fitted: dict[str, FittedBeforeSplit] = {}
        self._carriers: dict[str, FittedBeforeSplit] = {}

    def follow(self, body: list[ast.stmt]) -> Iterator[FittedBeforeSplit]:
        for statement in body:
            for call in _calls(statement):
                self._note_fit(call)
                if _called(call) in SPLITTERS:
                    sources = (self._carriers.get(_root(handed) or "") for handed in call.args)
                    source = next((s for s in sources if s is not None), None)
                    if source is not None:
                        yield dataclasses.replace(source, split_line=call.lineno)
            if isinstance(statement, ast.Assign):
                names = [t.id for t in statement.targets if isinstance(t, ast.Name)]
                self._assign(names, statement.value)

    def _note_fit(self, call: ast.Call) -> None:
        owner = _root(call.func)
        if owner in self._made and _called(call) in {"fit", "fit_transform"} and call.args:
            data = ast.unparse(call.args[0])
            self._fitted[owner] = FittedBeforeSplit(call.lineno, 0, self._made[owner], data)

    def _assign(self, names: list[str], value: ast.expr) -> None:
        carried = self._carriers.get(_root(value) or "")
        for name in names:
            # A name that is given something else no longer stands for what it was.
            self._made.pop(name, None)
            self._fitted.pop(name, None)
            self._carriers.pop(name, None)
        if not isinstance(value, ast.Call):
            if carried is not None:
                self._carriers |= dict.fromkeys(names, carried)
            return
        if _called(value) in TRANSFORMERS:
            self._made |= dict.fromkeys(names, _called(value))
        elif _called(value) in {"fit_transform", "transform"}:
            source = self._fitted.get(_root(value.func) or "") or _fitted_in_place(value)
            if source is not None:
                self._carriers |= dict.fromkeys(names, source)


def _fitted_in_place(call: ast.Call) -> FittedBeforeSplit | None:
    """`Transformer().fit_transform(data)` in one expression."""
    maker = call.func.value if isinstance(call.func, ast.Attribute) else None
    if (
        isinstance(maker, ast.Call)
        and _called(maker) in TRANSFORMERS
        and _called(call) == "fit_transform"
        and call.args
    ):
        return FittedBeforeSplit(call.lineno, 0, _called(maker), ast.unparse(call.args[0]))
    return None


@dataclass(frozen=True, slots=True)
class ImportedName:
    """One name of `from module import name`; `guarded` says that it stands inside a `try`."""

    module: str
    name: str
    line: int
    guarded: bool


@fact
def imported_names(script: Script) -> tuple[ImportedName, ...]:
    """Every name that the script takes from a module by `from module import name`."""
    guarded = {
        id(child)
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Try)
        for child in ast.walk(node)
    }
    return tuple(
        ImportedName(node.module, alias.name, node.lineno, id(node) in guarded)
        for node in ast.walk(script.tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
    )


@fact
def called_names(script: Script) -> frozenset[str]:
    """The names of everything that the script calls, without what they belong to."""
    return frozenset(_called(call) for call in _calls(script.tree))


def imports_package(script: Script, package: str) -> bool:
    """Whether the script imports a package or a part of it."""
    return _imports(script.tree, package)


def uses_scikit_learn(script: Script) -> bool:
    """Whether the script imports scikit-learn."""
    return _imports(script.tree, "sklearn")


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    yield [s for s in tree.body if not isinstance(s, ast.FunctionDef | ast.ClassDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.body


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.walk(node):
        if isinstance(child, ast.Call):
            yield child


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else (_root(call.func) or "")


def _root(node: ast.AST | None) -> str | None:
    """The name that an expression begins with: `a` of `a.b[0]`, None of a literal."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _imports(tree: ast.Module, package: str) -> bool:
    return any(
        (isinstance(node, ast.Import) and any(a.name.split(".")[0] == package for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package)
        for node in ast.walk(tree)
    )


def _caching_is_off(tree: ast.Module) -> bool:
    return any(_called(call) == "disable_caching" for call in _calls(tree))
