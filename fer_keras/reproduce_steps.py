"""The commands behind every published number, in an order in which they can be run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """What makes one thing that is published, or that something published needs.

    Attributes:
        name: of a folder in saved_models/, or of what is measured.
        commands: run one after the other; each can be stopped, and goes on by the same command. `{data}` is FER2013.
        minutes: expected, on 2 cores with AVX-512 or better; two with AVX2 alone may take three times as long. Of what
            is made on a GPU, an estimate, from the times of epochs and views, for the scripts that it stands for.
        needs: what was made before it, by the names of steps or of models.
        gpu_minutes: where it is made on a data centre's GPU, what it takes there.
        models: what it ships, where that is not one model of its name.
        goes_on_with: those of `needs` that were used for what is in the folder, which others cannot go on with.
    """

    name: str
    commands: tuple[str, ...]
    minutes: float
    needs: tuple[str, ...] = ()
    gpu_minutes: float = 0
    models: tuple[str, ...] = ()
    goes_on_with: tuple[str, ...] = ()


_MEMBERS = ("residual-16", "residual-16-second", "residual-16-labels", "residual-10")
"""The teachers that separable-93k and the ablation learn from."""
_TEACHERS = " ".join(f"saved_models/{name}" for name in _MEMBERS)


_ON_GPU = (
    "--batch-size 128 --learning-rate 2e-3 --warmup-epochs 2 --weight-decay 0.05 --ema-epochs 2"
    " --precision mixed_bfloat16"
)
_WIDE = "runs/residual-16-wide-labels-11 runs/residual-18-labels-12"


def _label_teacher(model: str, name: str, seed: int, epochs: int, mixup: float) -> str:
    return (
        f"python scripts/accelerate.py --data {{data}} --model {model} --name {name} --seeds {seed} --epochs {epochs}"
        f" --mixup {mixup} --label-smoothing 0.1 --rotation 20 --zoom 0.2 --erasing 0.5 --erasing-side 0.5 {_ON_GPU}"
    )


_LABEL_TEACHERS = (
    _label_teacher("residual-16-wide", "residual-16-wide-labels", 11, 80, 0.5),
    _label_teacher("residual-18", "residual-18-labels", 12, 60, 0.0),
    _label_teacher("residual-16", "residual-16-labels", 13, 80, 0.25),
)
"""Teachers of residual-16-wide, two of them of separable-88k too, on a GPU; they stay in runs/."""


def _trained(
    name: str, train: str, run: str, minutes: float, *needs: str,
    half: bool = False, served: bool = False, gpu_minutes: float = 0,
) -> Step:  # fmt: skip
    """A model: what trains it in runs/`run`, and what ships it."""
    return Step(name, (train, *_shipped(name, run, name, half=half, served=served)), minutes, needs, gpu_minutes)


def _shipped(name: str, run: str, step: str, *, half: bool = False, served: bool = False) -> tuple[str, str]:
    """The command that ships runs/`run`, made by `step`, and the one that exports it.

    With `half` it is kept in half precision. Exported files are kept only of what is `served`.
    """
    again = f"python scripts/reproduce.py --data fer2013.zip --run {step}"
    ship = f'python scripts/ship.py runs/{run} {name} --data {{data}} --command "{again}"'
    export = f"python scripts/export.py saved_models/{name} --data {{data}}"
    return ship + (" --half" if half else ""), export + ("" if served else f" --to runs/exports/{name}")


def _student(
    model: str, epochs: int, minutes: float,
    *, assistant: str = "", more: str = "", half: bool = False, served: bool = True,
) -> Step:  # fmt: skip
    """A student of the four teachers, or of the saved model `assistant`; `more` are further options."""
    teachers = f"saved_models/{assistant}" if assistant else _TEACHERS
    train = f"python scripts/distill.py --data {{data}} --teacher {teachers} --model {model} --cached-views 40"
    train += f"{f' {more}' if more else ''} --name {model} --epochs {epochs} --resume"
    return _trained(model, train, model, minutes, assistant or "logits", half=half, served=served)


def _two_students(
    model: str, teachers: str, options: str, minutes: float, gpu_minutes: float, needs: tuple[str, ...],
    *, best: int, served: bool = True,
) -> Step:  # fmt: skip
    """Seeds 0 and 1 of a student, side by side on a GPU.

    `best` validated better and has the model's name; where a new run has it the other way round, so be their names.
    """
    train = (
        f"python scripts/accelerate.py --data {{data}} --model {model} --seeds 0 1 --teacher {teachers}"
        f" --cached-views 40 {options}"
    )
    second = f"{model}-second"
    commands = (
        train,
        *_shipped(model, f"{model}-{best}", model, served=served),
        *_shipped(second, f"{model}-{1 - best}", model),
    )
    return Step(model, commands, minutes, needs, gpu_minutes, models=(model, second))


_FLAGSHIPS = ("separable-93k", "separable-88k", "separable-88k-second")
_OF_FLAGSHIPS = (
    " ".join(f"saved_models/{name}" for name in _FLAGSHIPS),
    "--cache-precision float32 --epochs 250 --learning-rate 0.01",
)
"""Teachers and options of the smaller students."""


STEPS: tuple[Step, ...] = (
    Step(
        "data-audit",
        ("python scripts/audit_data.py {data} --json saved_models/measurements/data_audit.json",),
        0.2,
    ),
    Step("speed", ("python scripts/benchmark.py distill --to saved_models/measurements",), 6),
    _trained(
        "residual-10",
        "python scripts/train_teacher.py --data {data} --model residual-10 --name teachers --epochs 80 --batch-size 64"
        " --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.1 --resume",
        "teachers/member-1",
        110,
        half=True,
    ),
    Step(
        "first-teachers",
        (
            "python scripts/train_teacher.py --data {data} --model residual-10-wide --name teachers-mixup --epochs 64"
            " --batch-size 64 --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.05 --mixup 0.5 --seed 1"
            " --resume",
            "python scripts/distill.py --data {data} --teacher saved_models/residual-10 runs/teachers-mixup/member-1"
            " --model residual-12 --name residual-12 --cached-views 24 --epochs 45 --batch-size 64"
            " --learning-rate 1.5e-3 --weight-decay 0.05 --precision auto --seed 2 --resume",
        ),
        100,
        ("residual-10",),
    ),
    _trained(
        "residual-16",
        "python scripts/distill.py --data {data} --teacher saved_models/residual-10 runs/teachers-mixup/member-1"
        " runs/residual-12 --model residual-16 --name residual-16 --cached-views 24 --epochs 36 --batch-size 64"
        " --learning-rate 1.5e-3 --weight-decay 0.05 --precision auto --seed 4 --resume",
        "residual-16",
        50,
        "residual-10",
        "first-teachers",
        half=True,
    ),
    _trained(
        "residual-16-labels",
        "python scripts/train_teacher.py --data {data} --model residual-16 --name residual-16-labels --epochs 46"
        " --batch-size 64 --learning-rate 1.5e-3 --weight-decay 0.05 --label-smoothing 0.1 --rotation 20 --zoom 0.2"
        " --erasing 0.5 --erasing-side 0.5 --seed 5 --resume",
        "residual-16-labels/member-1",
        60,
        half=True,
    ),
    _trained(
        "residual-16-second",
        "python scripts/distill.py --data {data} --teacher saved_models/residual-16 saved_models/residual-10"
        " runs/teachers-mixup/member-1 runs/residual-12 saved_models/residual-16-labels --model residual-16"
        " --name residual-16-second --cached-views 24 --epochs 36 --batch-size 64 --learning-rate 1.5e-3"
        " --weight-decay 0.05 --precision auto --seed 6 --resume",
        "residual-16-second",
        60,
        "first-teachers",
        "residual-10",
        "residual-16",
        "residual-16-labels",
        half=True,
    ),
    Step("label-teachers", _LABEL_TEACHERS, 470, gpu_minutes=4),
    _trained(
        "residual-16-wide",
        "python scripts/accelerate.py --data {data} --model residual-16-wide --name residual-16-wide --seeds 21"
        f" --teacher {_WIDE} runs/residual-16-labels-13 --epochs 45 --cached-views 24 {_ON_GPU}",
        "residual-16-wide-21",
        240,
        "label-teachers",
        half=True,
        gpu_minutes=2,
    ),
    Step(
        "teachers",
        (
            "python scripts/ship_ensemble.py teachers residual-16 residual-16-labels residual-16-wide --mirrored"
            " --data {data}",
        ),
        4,
        ("residual-16", "residual-16-labels", "residual-16-wide"),
    ),
    Step(
        "logits",
        (f"python scripts/cache_logits.py {_TEACHERS} --data {{data}} --cached-views 40",),
        150,
        _MEMBERS,
    ),
    _student("separable-93k", 250, 100),
    _two_students(
        "separable-88k",
        f"saved_models/residual-16-wide {_WIDE} saved_models/residual-16",
        "--epochs 80 --learning-rate 4e-3 --start-from saved_models/separable-93k",
        330,
        3,
        ("separable-93k", "residual-16", "residual-16-wide", "label-teachers"),
        best=0,
    ),
    _two_students("separable-25k", *_OF_FLAGSHIPS, 130, 4, _FLAGSHIPS, best=1),
    Step(
        "ablation",
        (
            f"python scripts/ablate.py --accelerator --data {{data}} --teacher {_TEACHERS}"
            " --assistant saved_models/separable-93k --name ablation",
            f"python scripts/ablate.py --data {{data}} --teacher {_TEACHERS}"
            " --assistant saved_models/separable-93k --name ablation --out saved_models/measurements",
        ),
        300,
        (*_MEMBERS, "separable-93k"),
        gpu_minutes=15,
    ),
    _student(
        "reference-cnn",
        100,
        70,
        assistant="separable-93k",
        more="--precision auto --cache-precision float32",
        half=True,
        served=False,
    ),
    _student(
        "reference-mobilenet",
        100,
        60,
        assistant="separable-93k",
        more="--cache-precision float32",
    ),
    _two_students("mobilenet-93k", *_OF_FLAGSHIPS, 190, 6, _FLAGSHIPS, best=0, served=False),
    Step(
        "frontier",
        (
            "python scripts/search.py --data {data} --teacher saved_models/separable-93k --runs saved_models"
            " --name frontier --workers 2 --trials 4 --epochs 4 --final-epochs 20"
            " --budgets 5000 10000 25000 50000 100000 --max-multiply-adds 9000000 --cache-precision float32",
        ),
        600,
        ("separable-93k",),
        goes_on_with=("separable-93k",),
    ),
    Step(
        "frontier-figures",
        ("python scripts/frontier.py saved_models/frontier --measure",),
        3,
        ("frontier", *_FLAGSHIPS, "separable-25k", "mobilenet-93k", "reference-mobilenet"),
    ),
    Step(
        "workers",
        (
            "python scripts/benchmark.py workers --data {data} --teacher saved_models/separable-93k"
            " --ledger saved_models/frontier/ledger.csv --rounds 3 --to saved_models/measurements",
        ),
        40,
        ("frontier", "separable-93k"),
    ),
    Step(
        "inference",
        (
            "python scripts/benchmark.py inference --data {data} --models saved_models/separable-25k"
            " saved_models/separable-88k saved_models/separable-93k saved_models/reference-mobilenet"
            " saved_models/residual-10 --with-baselines --to saved_models/measurements",
        ),
        8,
        ("residual-10", "separable-25k", "separable-88k", "separable-93k", "reference-mobilenet"),
    ),
)
