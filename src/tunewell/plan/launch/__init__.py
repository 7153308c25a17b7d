"""Files that start a run on one GPU, on several, on several machines, or in a cloud.

Text in, text out: nothing is written here and nothing is run.
"""

from tunewell.plan.launch.files import launch_files
from tunewell.plan.launch.layout import LaunchFile, Layout, Offload, Strategy
from tunewell.plan.launch.own_keys import launch_edits
from tunewell.plan.launch.skypilot import Cloud
from tunewell.plan.launch.start import EXPANDABLE

__all__ = [
    "EXPANDABLE",
    "Cloud",
    "LaunchFile",
    "Layout",
    "Offload",
    "Strategy",
    "launch_edits",
    "launch_files",
]
