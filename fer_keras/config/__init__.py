"""What a run is made by: its dataclasses, their JSON, and the environment it is made in."""

from fer_keras.config.environment import environment as environment
from fer_keras.config.recipes import NO_DATA as NO_DATA
from fer_keras.config.recipes import WEAK_VIEWS as WEAK_VIEWS
from fer_keras.config.recipes import DataConfig as DataConfig
from fer_keras.config.recipes import FitConfig as FitConfig
from fer_keras.config.recipes import StudentConfig as StudentConfig
from fer_keras.config.recipes import TeacherConfig as TeacherConfig
from fer_keras.config.recipes import ViewConfig as ViewConfig
from fer_keras.config.recipes import main_job_defaults as main_job_defaults
from fer_keras.config.recipes import require_same as require_same
from fer_keras.config.recipes import without_names as without_names
from fer_keras.config.schema import checked as checked
from fer_keras.config.schema import config_hash as config_hash
from fer_keras.config.schema import descriptions as descriptions
from fer_keras.config.schema import differences as differences
from fer_keras.config.schema import from_dict as from_dict
from fer_keras.config.schema import ranges as ranges
from fer_keras.config.schema import require as require
from fer_keras.config.schema import to_dict as to_dict
