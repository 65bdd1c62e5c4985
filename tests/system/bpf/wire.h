/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Ports that wire.bpf.c counts, from WIRE_PORT on. */
#define WIRE_PORT 6000
#define WIRE_PORTS 1024
