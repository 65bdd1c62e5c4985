/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rights that divvyd keeps once its files and sockets are open. */

#include <stdbool.h>
#include <stddef.h>

/* 0 or negative errno with a line for a person. */
int privilege_drop(char *errtext, size_t size);

/* Rights that are held in reserve, for cgroups: in force in this thread only between true and false. */
void privilege_reserve(bool on);
