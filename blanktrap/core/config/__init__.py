"""One frozen configuration per stage, each field with its unit and range; one module a command.

Owns: what can be set, the defaults, and their validation. Refuses: reading files, touching disk or
network, unknown keys. Precedence: a flag on the command line, else the default written here. The
resolved configuration is saved beside every output.
"""

from blanktrap.core.config.audit_discard import AuditDrawConfig, AuditJudgeConfig
from blanktrap.core.config.audit_labels import AuditLabelsConfig
from blanktrap.core.config.augment import AugmentConfig
from blanktrap.core.config.base import Channel, Config, Share, resolve
from blanktrap.core.config.boxes import BoxesConfig
from blanktrap.core.config.dashboard import DashboardConfig
from blanktrap.core.config.decision import DecisionConfig
from blanktrap.core.config.demo import ArchiveConfig
from blanktrap.core.config.evaluate import EvaluateConfig
from blanktrap.core.config.explain import ExplainConfig
from blanktrap.core.config.export import ExportConfig, ExportFormatName
from blanktrap.core.config.index import IndexConfig
from blanktrap.core.config.plan import InstanceChoice, PlanConfig
from blanktrap.core.config.score import DecodeLimits, Precision, ScoreConfig
from blanktrap.core.config.select import SelectConfig
from blanktrap.core.config.separate import LinkKind, SeparateConfig, SeparateMode, SidecarNaming
from blanktrap.core.config.submit import Shipment, SubmitConfig
from blanktrap.core.config.suggest import SuggestConfig
from blanktrap.core.config.train import (
    CHANGE_SPREAD,
    NUM_COLOURS,
    TRAINED_BACKGROUND,
    Background,
    Balance,
    CalibrationKind,
    Frames,
    Preprocessing,
    TrainConfig,
    WorkersConfig,
)

__all__ = [
    "CHANGE_SPREAD",
    "NUM_COLOURS",
    "TRAINED_BACKGROUND",
    "ArchiveConfig",
    "AuditDrawConfig",
    "AuditJudgeConfig",
    "AuditLabelsConfig",
    "AugmentConfig",
    "Background",
    "Balance",
    "BoxesConfig",
    "CalibrationKind",
    "Channel",
    "Config",
    "DashboardConfig",
    "DecisionConfig",
    "DecodeLimits",
    "EvaluateConfig",
    "ExplainConfig",
    "ExportConfig",
    "ExportFormatName",
    "Frames",
    "IndexConfig",
    "InstanceChoice",
    "LinkKind",
    "PlanConfig",
    "Precision",
    "Preprocessing",
    "ScoreConfig",
    "SelectConfig",
    "SeparateConfig",
    "SeparateMode",
    "Share",
    "Shipment",
    "SidecarNaming",
    "SubmitConfig",
    "SuggestConfig",
    "TrainConfig",
    "WorkersConfig",
    "resolve",
]
