"""`blanktrap demo`: the whole main job on an archive that it draws.

Owns: the order of the steps and what is said between them. Refuses: anything that the commands
themselves do not do; each step is the same call as the command of its name.
"""

import logging

logger = logging.getLogger(__name__)
