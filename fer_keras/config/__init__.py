"""What a run is told: its dataclasses, their JSON, and the environment it is made in."""

from fer_keras.config.environment import environment
from fer_keras.config.recipes import (
    NO_DATA,
    WEAK_VIEWS,
    DataConfig,
    FitConfig,
    StudentConfig,
    TeacherConfig,
    ViewConfig,
    main_job_defaults,
)
from fer_keras.config.schema import (
    checked,
    config_hash,
    descriptions,
    differences,
    from_dict,
    ranges,
    require,
    to_dict,
)

__all__ = [
    "NO_DATA",
    "WEAK_VIEWS",
    "DataConfig",
    "FitConfig",
    "StudentConfig",
    "TeacherConfig",
    "ViewConfig",
    "checked",
    "config_hash",
    "descriptions",
    "differences",
    "environment",
    "from_dict",
    "main_job_defaults",
    "ranges",
    "require",
    "to_dict",
]
