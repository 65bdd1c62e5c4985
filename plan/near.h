/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What was probably meant by a name that is not there: of a device, an interface, a VM. base/words.h says what is near. */

#include "core/model.h"
#include "host.h"

/* The device or network of the model, by its full name or its own, written into buf; NULL: none is near. O(n). */
const char *near_node(const struct model *m, const char *name, char buf[MODEL_FULL_NAME_SIZE]);

/*
 * The interface, by its name or an altname; NULL: none is near. vnic: only those that can be divided. Borrowed. O(n).
 */
const char *near_link(const struct host *h, const char *name, bool vnic);
/* The VM; NULL: none is near. Borrowed. O(n). */
const char *near_vm(const struct host *h, const char *name);
