"""The main job: teachers, their logit cache, a student, its report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fer_keras import distributed
from fer_keras.config import DataConfig, StudentConfig, TeacherConfig, to_dict
from fer_keras.data.dataset import FaceData
from fer_keras.distill.losses import make_loss
from fer_keras.distill.teachers import Teacher, cached_logits, load_teacher, note_other_teachers, taught_by
from fer_keras.evaluation.evaluate import Evaluation, by_head, evaluate, evaluate_ensemble, predict_logits
from fer_keras.evaluation.report import Origin, write_report
from fer_keras.evaluation.results import read_history
from fer_keras.files import CONFIG_FILE
from fer_keras.models.load import load_model, model_file
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


def run_main_job(job: MainJob, data: FaceData) -> list[Path]:
    """Train teachers unless they are given, cache their logits, distil a student, evaluate and report.

    Args:
        job: what to do.
        data: the images; unlabelled ones in its training split are distilled too.

    Returns:
        The paths of the reports: one, or where the targets have several heads one for each.

    Raises:
        FerKerasError: the data or an option does not fit, or the folder holds another run.
    """
    _check_early(job, data)
    data, data_config = training_data(data, job.student.data)
    teachers = [load_teacher(file, data.label_set) for file in _teacher_files(job, data, data_config)]
    train = data.split("train")
    note_other_teachers(job.student, teachers)
    config = taught_by(replace(job.student, data=data_config), teachers)
    run = Run(job.folder, config, resume=job.resume)  # the teachers may have taken days
    run.check_resumable()
    if run.is_finished:  # the logits are not needed
        run.publish()
    else:
        for teacher in teachers:
            _introduce(teacher, data)
        train_student(run, train, data.split("val"), cached_logits(config, teachers, train, job.cache_root))
    if distributed.rank():
        return []  # host 0 writes them
    facts = {"student": to_dict(config), "trained on": f"{len(train):,} images of {data.source}"}
    return _write_reports(run, data, teachers, Origin(read_history(run.folder), facts, job.command))


def _write_reports(run: Run, data: FaceData, teachers: Sequence[Teacher], origin: Origin) -> list[Path]:
    """Write a report of the student beside its teachers for each head of the targets; return the paths."""
    paths, name = [], run.config.model
    for head, (student, faces) in by_head(load_model(run.model_file), data.label_set, data).items():
        rows = [(name, evaluate(student, faces, file=run.model_file)), *_teacher_rows(teachers, data, head)]
        title = f"{name}{f' ({head})' if head else ''}, distilled on {data.source}"
        paths.append(write_report(run.folder / head, title, rows, origin))
    return paths


def _check_early(job: MainJob, data: FaceData) -> None:
    """Refuse what can be found wrong before hours of training."""
    run = Run(job.folder, job.student, resume=job.resume)
    run.check_resumable(leave_out=("data", "teachers"))
    preset(job.student.model)
    make_loss(job.student.loss, job.student.temperature, job.student.loss_options)
    if job.student.init_from and not run.progress.epoch:
        network = from_preset(job.student.model, num_classes=data.num_classes, **job.student.options)
        transfer_weights(network, load_model(job.student.init_from))


def _introduce(teacher: Teacher, data: FaceData) -> None:
    """Say how good a teacher is, before hours of learning from it: other pixels or classes than ours show at once."""
    file, right = teacher.file, []
    for model, faces in by_head(teacher.model, data.label_set, data.split("val")).values():
        val = faces.labelled()
        right.append(f"{(predict_logits(model, val.images).argmax(axis=1) == val.labels).mean():.1%}")
    fingerprints = [part.split("train").fingerprint for part in (data, data.labelled())]
    recorded = (file.parent / CONFIG_FILE).exists()
    others = recorded and read_config(file.parent)["config"]["data"]["fingerprint"] not in fingerprints
    note = ", some of which it may have been trained on: it was trained on other images than these" if others else ""
    print(f"teacher {file}: {' and '.join(right)} of the validation images right{note}", flush=True)


def _teacher_files(job: MainJob, data: FaceData, data_config: DataConfig) -> list[Path]:
    files = [model_file(path) for path in job.teacher_files]
    if not files:
        labelled = data.labelled()
        teachers_data = replace(data_config, fingerprint=labelled.split("train").fingerprint)
        configs = member_configs(replace(job.teacher, data=teachers_data), job.teacher_models, job.members)
        files = train_members(
            configs, labelled.split("train"), labelled.split("val"), job.folder / "teachers", resume=job.resume
        )
    return files


def _teacher_rows(teachers: Sequence[Teacher], data: FaceData, head: str) -> list[tuple[str, Evaluation]]:
    heads = [by_head(teacher.model, data.label_set, data)[head] for teacher in teachers]
    rows = [
        (f"teacher {number}", evaluate(model, faces, file=teacher.file))
        for number, (teacher, (model, faces)) in enumerate(zip(teachers, heads, strict=True), 1)
    ]
    if len(rows) < 2:
        return rows
    return [*rows, ("teacher ensemble", evaluate_ensemble([evaluation for _, evaluation in rows], heads[0][1]))]
