/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rights that divvyd keeps once its files and sockets are open. */

#include <stddef.h>

/* 0 or negative errno with a line for a person. */
int privilege_drop(char *errtext, size_t size);
