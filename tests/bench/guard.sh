#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guard.sh [N]: divvyd is killed N times (100) at random moments in slots; how many times was a VM still paused 100 ms
# later?
exec env KILLS="${1:-100}" "$(dirname "$0")/../system/cpu.sh" killed
