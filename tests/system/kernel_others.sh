#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Uplinks and filters of others that need VLANs, prio, skbedit and police, which Debian 13's kernel has: some of what
# `make check-kernels` runs.
exec "$(dirname "$0")/../hosts/run.sh" trixie env NO_SKIP=1 WINDOW=2 PRIORITIES=d177:2 tests/hosts/several.sh \
	"tests/system/uplinks.sh vlan skbedit" "tests/system/undivided.sh proxmox"
