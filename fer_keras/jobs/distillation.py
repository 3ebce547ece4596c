"""The main job: teachers, their logit cache, a student, its report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fer_keras import distributed
from fer_keras.config import DataConfig, StudentConfig, TeacherConfig, to_dict
from fer_keras.data.dataset import FaceData
from fer_keras.distill.losses import make_loss
from fer_keras.distill.teachers import Teacher, cached_logits, identify_teachers, load_teacher, note_other_teachers
from fer_keras.evaluation.evaluate import Evaluation, evaluate, evaluate_ensemble, predict_logits
from fer_keras.evaluation.report import write_report
from fer_keras.evaluation.results import read_history
from fer_keras.files import CONFIG_FILE
from fer_keras.models.load import load_model, model_file, model_name
from fer_keras.models.registry import from_preset, preset
from fer_keras.models.transfer import transfer_weights
from fer_keras.training.data import training_data
from fer_keras.training.run import Run, read_config
from fer_keras.training.student import train_student
from fer_keras.training.teacher import member_configs, train_members


@dataclass(frozen=True)
class MainJob:
    """The options of the main job.

    Attributes:
        folder: the run's folder; the student's run, with the teachers' in `teachers/`.
        student: the student's options; its data and teachers are filled in.
        teacher: what teachers that have to be trained share.
        teacher_models: their presets, used in turn.
        members: how many to train; None for one of each preset.
        teacher_files: saved teachers to use instead.
        cache_root: where logits are cached.
        resume: whether runs that are there may go on.
        command: the command line, for the report.
    """

    folder: Path
    student: StudentConfig
    teacher: TeacherConfig
    teacher_models: Sequence[str]
    members: int | None
    teacher_files: Sequence[Path]
    cache_root: Path
    resume: bool
    command: str


def run_main_job(job: MainJob, data: FaceData) -> Path:
    """Train teachers unless they are given, cache their logits, distil a student, evaluate and report.

    Args:
        job: what to do.
        data: the images; unlabelled ones in its training split are distilled too.

    Returns:
        The path of the report.

    Raises:
        FerKerasError: the data or an option does not fit, or the folder holds another run.
    """
    # What can be wrong is found before hours of training, not after.
    run = Run(job.folder, job.student, resume=job.resume)
    run.check_resumable(leave_out=("data", "teachers"))
    preset(job.student.model)
    make_loss(job.student.loss, job.student.temperature, job.student.loss_options)
    if job.student.init_from and not run.progress.epoch:
        network = from_preset(job.student.model, num_classes=data.num_classes, **job.student.options)
        transfer_weights(network, load_model(job.student.init_from))
    data, data_config = training_data(data, job.student.data)
    files = _teacher_files(job, data, data_config)
    teachers = [load_teacher(file, data.label_set) for file in files]
    train = data.split("train")
    identities = identify_teachers(job.student, teachers, train)
    fingerprints = tuple(identity.teacher for identity in identities)
    note_other_teachers(job.student, fingerprints, files)
    names = tuple(map(model_name, files))
    config = replace(job.student, data=data_config, teachers=fingerprints, teacher_names=names)
    run = Run(job.folder, config, resume=job.resume)  # the teachers may have taken days
    run.check_resumable()
    if run.is_finished:  # the logits are not needed
        run.publish()
    else:
        for teacher in teachers:
            _introduce(teacher, data)
        train_student(run, train, data.split("val"), cached_logits(config, teachers, train, job.cache_root))
    if distributed.rank():
        return job.folder / "report.md"  # which host 0 writes
    rows = [
        (config.model, evaluate(load_model(run.model_file), data, file=run.model_file)),
        *_teacher_rows(teachers, data),
    ]
    return write_report(
        job.folder,
        f"{config.model}, distilled on {data.source}",
        rows,
        history=read_history(job.folder),
        facts={"student": to_dict(config), "trained on": f"{len(train):,} images of {data.source}"},
        command=job.command,
    )


def _introduce(teacher: Teacher, data: FaceData) -> None:
    """Say how good a teacher is, before hours of learning from it: other pixels or classes than ours show at once."""
    val, file = data.split("val"), teacher.file
    right = (predict_logits(teacher.model, val.images).argmax(axis=1) == val.labels).mean()
    ours = [part.split("train").fingerprint for part in (data, data.labelled())]
    recorded = (file.parent / CONFIG_FILE).exists()
    others = recorded and read_config(file.parent)["config"]["data"]["fingerprint"] not in ours
    note = ", some of which it may have been trained on: it was trained on other images than these" if others else ""
    print(f"teacher {file}: {right:.1%} of the validation images right{note}", flush=True)


def _teacher_files(job: MainJob, data: FaceData, data_config: DataConfig) -> list[Path]:
    files = [model_file(path) for path in job.teacher_files]
    if not files:
        labelled = data.labelled()
        seen = replace(data_config, fingerprint=labelled.split("train").fingerprint)
        configs = member_configs(replace(job.teacher, data=seen), job.teacher_models, job.members)
        files = train_members(
            configs, labelled.split("train"), labelled.split("val"), job.folder / "teachers", resume=job.resume
        )
    return files


def _teacher_rows(teachers: Sequence[Teacher], data: FaceData) -> list[tuple[str, Evaluation]]:
    rows = [
        (f"teacher {number}", evaluate(teacher.model, data, file=teacher.file))
        for number, teacher in enumerate(teachers, 1)
    ]
    if len(rows) < 2:
        return rows
    return [*rows, ("teacher ensemble", evaluate_ensemble([evaluation for _, evaluation in rows], data))]
