/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* libvirt's record of a running VM: /run/libvirt/qemu/NAME.xml, a <domstatus> with the live <domain> in it. */

#include "record.h"

/*
 * Read a record: the process, and each NIC that has a tap. Pure; it opens nothing, and knows neither entities nor
 * other documents: a document type is refused. out is the caller's to free. 0; -EBADMSG: this is no such record;
 * -E2BIG: too long, or with too many NICs; -ENOMEM; *out is untouched on failure.
 */
int record_libvirt_parse(const char *text, size_t size, struct record *out);
