#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A prune is killed at every one of its steps; the short form leaves most out.
EVERY_STEP=$([ "${SOAK:-full}" = full ] && echo yes || echo no)
export EVERY_STEP
exec "$(dirname "$0")/../scenario/34-prune-killed.sh"
