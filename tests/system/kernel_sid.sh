#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The data path's test on the kernel of Debian unstable.
exec "$(dirname "$0")/../hosts/run.sh" sid
