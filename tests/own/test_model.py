"""A model of the user's own, from its name to the rows of its trials."""

import dataclasses
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from raypg.config import Config, Layer, fingerprint, flatten, load
from raypg.errors import ConfigError, StoreError
from raypg.models import build_model, count_flops, num_parameters
from raypg.own import forget
from raypg.own.bundle import pack
from raypg.own_files import keep_own, use_own
from raypg.results import open_results
from raypg.store import Store
from tests.command import Command
from tests.own.files import LAYERS, NET, Write, my_net, write

__all__ = ["my_net", "write"]


def config_of(**leaves: Any) -> Config:  # noqa: ANN401
    return load([Layer("a test", {k.replace("__", "."): leaves[k] for k in leaves})])


def key(config: Config) -> str:
    return fingerprint(config, device="cpu", num_workers=1).key


def fault(name: str, **leaves: Any) -> str:  # noqa: ANN401
    with pytest.raises(ConfigError, match=r"model\.") as caught:
        config_of(model__name=name, **leaves)
    return str(caught.value)


def test_its_keys_are_the_parameters_that_raypg_does_not_give(my_net: str) -> None:
    config = config_of(model__name=my_net, model__width=16)
    own = {k: v for k, v in flatten(config).items() if k.startswith("model.")}
    assert own == {"model.name": my_net, "model.width": 16, "model.drop": 0.0}


def test_it_is_built_with_what_it_asks_for(my_net: str) -> None:
    config = config_of(model__name=my_net, model__width=16)
    model = build_model(config.model, (1, 8, 8), 10)
    assert num_parameters(model) == 64 * 16 + 16 + 16 * 10 + 10
    assert count_flops(model, (1, 8, 8)) == 64 * 16 + 16 * 10
    with torch.device("meta"):
        assert next(build_model(config.model, (1, 8, 8), 10).parameters()).is_meta


def test_a_function_will_do_and_a_required_key_is_asked_for(write: Write) -> None:
    source = "from torch import nn\n\ndef flat(num_classes, inner: int):\n"
    source += "    return nn.Sequential(nn.Flatten(), nn.Linear(inner, num_classes))\n"
    name = write("nets/flat.py", source) + ":flat"
    assert config_of(model__name=name, model__inner=64).model.name == name
    assert fault(name).startswith('"model.inner": must be given, as it has no default')


def test_limits_and_choices_hold_as_those_of_ours_do(write: Write) -> None:
    name = write(
        "net.py",
        """from typing import Annotated, Literal
from pydantic import Field
from torch import nn

def net(num_classes, width: Annotated[int, Field(ge=2)] = 4,
        kind: Literal["a", "b"] = "a", rates: tuple[float, ...] = (0.5,)):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))
""",
    )
    name += ":net"
    assert "must be at least 2; found 1" in fault(name, model__width=1)
    assert 'Did you mean "a"?' in fault(name, model__kind="aa")
    assert 'found "widht". Did you mean "width"?' in fault(name, model__widht=8)
    assert "must be a whole number" in fault(name, model__width="x")


@pytest.mark.parametrize(
    ("signature", "told"),
    [
        ("num_classes, *args", r"name its keys one by one; found \*args"),
        ("num_classes, **more", r"one by one; found \*\*more\. Write each as width"),
        ("num_classes, width=8", r'"width" without one\. Write width: int = 32'),
        ("num_classes, width: list = ()", r'found "width: list"\. Write width: int'),
        ("num_classes, width: int = None", "must have a default that its width can"),
        ("num_classes, name: str = ''", 'must leave to raypg the keys.*found "name"'),
        ("num_classes, stem: int = 1", 'must have the type that model.stem has.*"stem'),
        ("num_classes, width: Missing = 1", "a signature that can be read; found Name"),
    ],
)
def test_a_signature_that_no_config_can_hold_says_what_to_write(
    write: Write, signature: str, told: str
) -> None:
    future = "from __future__ import annotations\n"
    name = write("net.py", f"{future}def net({signature}):\n    pass\n")
    with pytest.raises(ConfigError, match=f'a test: "model.name": .*{told}'):
        config_of(model__name=f"{name}:net")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "import nothing_so\n",
            r"No module named 'nothing_so'\. Correct it:\n  .*:1, ",
        ),
        ("def net(:\n", r"found invalid syntax: def net\(: \(net\.py:1\)\. Correct it"),
        ("x = 1\n\nx / 0\n", r"division by zero\. Correct it:\n  net\.py:3, in <mod"),
        ("def ned(): ...\n", r'found "net"\. Did you mean "ned"'),
        ("raise SystemExit(3)\n", "found SystemExit: 3"),
    ],
)
def test_a_file_that_does_not_import_is_told_with_its_own_lines(
    write: Write, source: str, told: str
) -> None:
    name = write("net.py", source) + ":net"
    with pytest.raises(ConfigError, match=told) as caught:
        config_of(model__name=name)
    assert "raypg/" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("nn.Sequential(nn.Flatten(), nn.Linear(64, 3))", r"gives .* shape \(2, 3\)"),
        ("nn.Sequential(nn.Flatten(), nn.Linear(9, 10))", r"net\.py:5, in |mat1"),
        ("nn.Sequential(nn.Flatten(), nn.LazyLinear(10))", "must say the sizes of"),
        ("3", "net gave int, no nn.Module"),
        ("nn.Flatten()", r"shape \(B, 10\) for B images"),
        ("nn.Sequential(nn.Flatten(), Cut())", "must have parameters to train"),
    ],
)
def test_a_network_that_cannot_train_on_the_data_is_told(
    write: Write, body: str, told: str
) -> None:
    cut = "class Cut(nn.Module):\n    def forward(self, x): return x[:, :10]\n"
    source = f"from torch import nn\n{cut}def net():\n    return {body}\n"
    name = write("net.py", source) + ":net"
    with pytest.raises(ConfigError, match=told):
        config_of(model__name=name)


def test_the_fingerprint_has_no_folder_of_this_machine(
    my_net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = fingerprint(config_of(model__name=my_net), device="cpu", num_workers=1)
    assert {"my_net.py", "layers.py"} <= here.code.keys()
    elsewhere = tmp_path / "else"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    forget()
    for name in (f"../{my_net}", str(tmp_path / my_net)):
        assert key(config_of(model__name=name)) == here.key


def test_a_file_of_the_working_folder_is_named_as_it_lies_there(
    my_net: str, tmp_path: Path
) -> None:
    for name in (f"./{my_net}", str(tmp_path / my_net)):
        assert config_of(model__name=name).model.name == my_net


def test_an_edit_of_any_of_its_files_makes_another_trial(
    my_net: str, write: Write
) -> None:
    first, ours = key(config_of(model__name=my_net)), key(config_of(model__name="mlp"))
    write("layers.py", LAYERS.replace("ReLU", "GELU"))
    second = key(config_of(model__name=my_net))
    write("my_net.py", NET.replace("A net of", "One more net of"))
    assert key(config_of(model__name=my_net)) == second != first
    assert key(config_of(model__name="mlp")) == ours


def test_modules_of_ours_and_packages_that_it_imports_count(write: Write) -> None:
    source = "import scipy\nfrom raypg.models.weights import init_weights\n"
    source += "from torch import nn\ndef net(num_classes):\n"
    source += "    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))\n"
    config = config_of(model__name=write("net.py", source) + ":net")
    code = fingerprint(config, device="cpu", num_workers=1).code
    assert "raypg/models/weights.py" in code
    assert code["scipy"] == __import__("scipy").__version__
    assert "raypg/models/densenet.py" not in code


def test_a_module_is_named_by_its_import_path(write: Write) -> None:
    write("my_pkg/__init__.py", "")
    write("my_pkg/layers.py", LAYERS)
    write("my_pkg/nets.py", NET.replace("from layers", "from .layers"))
    config = config_of(model__name="my_pkg.nets:MyNet", model__width=4)
    code = fingerprint(config, device="cpu", num_workers=1).code
    own = {"my_pkg/__init__.py", "my_pkg/layers.py", "my_pkg/nets.py"}
    assert own <= code.keys()
    assert "must name a module that is found" in fault("my_pgk.nets:MyNet")


def test_a_trial_is_trained_tested_again_and_a_hit(
    my_net: str, train: Command, write: Write
) -> None:
    own = (f"model.name={my_net}", "model.width=24", "train.epochs=1")
    more = (*own, "data.fraction=0.2", "--threads", "1")
    said = train(*more)
    assert said.code == 0, said.err
    (row,) = open_results(train.store).trials("train")
    assert (row["config.model.width"], row["status"]) == (24, "completed")
    assert (
        train(*own, "data.fraction=0.2", "--threads", "1").out.split()[11] == "cached"
    )
    write("layers.py", LAYERS.replace("ReLU", "GELU"))
    again = train(*more)
    assert "layers.py has changed: 1 of the store's trials are stale" in again.err
    assert "layers.py" in train("--evaluate", row["trial"]).out
    # The files that it was trained by are kept, so that its weights mean what they did.
    retest = train("--evaluate", row["trial"], "--run-kept-files")
    assert retest.code == 0, retest.err + retest.out
    assert "layers.py" not in retest.out
    Path("layers.py").unlink()
    Path("my_net.py").unlink()
    forget()
    gone = train("--evaluate", row["trial"])
    assert gone.code == 2
    assert re.search(
        r"no my_net\.py\. Unpack .*/own-\w{32}\.zip, or add --run-k", gone.err
    )


def test_files_that_someone_has_put_into_a_store_are_not_run(
    my_net: str, tmp_path: Path
) -> None:
    bundle = pack([my_net])
    assert bundle is not None
    store = Store(str(tmp_path / "runs"))
    other = dataclasses.replace(bundle, content=pack_texts({"my_net.py": "1 / 0"}))
    keep_own(store, "sweep", other)
    with pytest.raises(StoreError, match="must hold the files that the sweep was st"):
        use_own(store.uri, "sweep", bundle.name)


def test_a_file_in_a_store_is_not_imported(
    my_net: str, write: Write, tmp_path: Path
) -> None:
    Store(str(tmp_path / "runs"))
    for name in ("runs/evil.py:net", f"{tmp_path}/runs/evil.py:net", "runs.evil:net"):
        write("runs/evil.py", "raise SystemExit('run')\n")
        assert "outside of the store, of which nothing is run" in fault(name)
    assert config_of(model__name=my_net).model.name == my_net


def pack_texts(texts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_faulty_model_ends_the_command_before_anything_is_written(
    write: Write, train: Command
) -> None:
    write("net.py", "1 / 0\n")
    said = train("model.name=net.py:Net", "train.epochs=1")
    assert (said.code, train.is_untouched()) == (2, True)
    assert said.err.count("\n") == 2
    assert "net.py:1, in <module>: 1 / 0" in said.err
