/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All records of a host at one time, and their form on the way from the child that reads them. */

#include "record.h"

#include <stdint.h>

/* A host with more is not read to its end. */
#define RECORDS_FILES_MAX 20000U

/* A file as it was. All zero: it was not looked at. */
struct records_stamp {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

struct records_file {
	uint32_t source; /* of record_sources */
	int32_t error;   /* 0; or the negative errno for which it is not used, and then it has no NICs */
	int32_t pid;     /* of the VM's process; 0: the record does not tell */
	uint32_t first, n; /* its NICs */
	struct records_stamp stamp;
	char name[256];  /* in the source's directory; "": the directory itself, which cannot be read */
	bool told;       /* the log has its error; the parent's own */
};

/* Zeroed: nothing is known. */
struct records_set {
	struct records_file *files; /* sorted by records_compare_files(); owned */
	size_t n_files;
	struct record_nic *nics; /* owned */
	size_t n_nics;
};

void records_set_free(struct records_set *s);

/* By source, then by name. */
int records_compare_files(const void *a, const void *b);
/* Borrowed; NULL: there is no such file. O(log n). */
const struct records_file *records_find(const struct records_set *s, uint32_t source, const char *name);

/* The bytes of a set, the caller's to free; NULL: out of memory. */
void *records_encode(const struct records_set *s, size_t *size);
/*
 * A set from bytes that are not trusted: every count, index and text is checked. 0; -EBADMSG; -ENOMEM; *out is
 * untouched on failure.
 */
int records_decode(const void *bytes, size_t size, struct records_set *out);
