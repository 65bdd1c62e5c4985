// SPDX-License-Identifier: GPL-2.0-or-later
#include "records_set.h"

#include "base/cleanup.h"
#include "record_source.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0x31525644U

struct header {
	uint32_t magic, n_files, n_nics;
};

void records_set_free(struct records_set *s)
{
	free(s->files);
	free(s->nics);
	*s = (struct records_set){ 0 };
}

int records_compare_files(const void *a, const void *b)
{
	const struct records_file *x = a, *y = b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return strcmp(x->name, y->name);
}

const struct records_file *records_find(const struct records_set *s, uint32_t source, const char *name)
{
	struct records_file key = { .source = source };

	if (!s->n_files || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, s->files, s->n_files, sizeof(key), records_compare_files);
}

static void *copy(void *to, const void *from, size_t n, size_t size)
{
	if (n)
		memcpy(to, from, n * size);
	return (char *)to + n * size;
}

void *records_encode(const struct records_set *s, size_t *size)
{
	struct header h = { .magic = MAGIC, .n_files = (uint32_t)s->n_files, .n_nics = (uint32_t)s->n_nics };
	size_t total = sizeof(h) + s->n_files * sizeof(*s->files) + s->n_nics * sizeof(*s->nics);
	char *bytes = malloc(total), *at;

	if (!bytes)
		return NULL;
	at = copy(bytes, &h, 1, sizeof(h));
	at = copy(at, s->files, s->n_files, sizeof(*s->files));
	copy(at, s->nics, s->n_nics, sizeof(*s->nics));
	*size = total;
	return bytes;
}

static bool file_is_sane(const struct records_file *f, size_t n_nics)
{
	size_t length = strnlen(f->name, sizeof(f->name));

	return f->source < RECORD_SOURCES && f->error <= 0 && f->pid >= 0 && f->n <= RECORD_NICS_MAX &&
	       f->first <= n_nics && f->n <= n_nics - f->first && (!f->error || !f->n) &&
	       length < sizeof(f->name);
}

static bool set_is_sane(const struct records_set *s)
{
	for (size_t i = 0; i < s->n_files; i++) {
		if (!file_is_sane(&s->files[i], s->n_nics))
			return false;
		if (i && records_compare_files(&s->files[i - 1], &s->files[i]) >= 0)
			return false;
	}
	for (size_t i = 0; i < s->n_nics; i++)
		if (!record_nic_is_sane(&s->nics[i]))
			return false;
	return true;
}

int records_decode(const void *bytes, size_t size, struct records_set *out)
{
	_cleanup_(records_set_free) struct records_set s = { 0 };
	const char *at = bytes;
	struct header h;

	if (size < sizeof(h))
		return -EBADMSG;
	memcpy(&h, at, sizeof(h));
	at += sizeof(h);
	if (h.magic != MAGIC || h.n_files > RECORDS_FILES_MAX || h.n_nics > RECORDS_FILES_MAX * 16 ||
	    size != sizeof(h) + h.n_files * sizeof(*s.files) + h.n_nics * sizeof(*s.nics))
		return -EBADMSG;
	s.files = calloc(h.n_files + 1UL, sizeof(*s.files));
	s.nics = calloc(h.n_nics + 1UL, sizeof(*s.nics));
	if (!s.files || !s.nics)
		return -ENOMEM;
	s.n_files = h.n_files;
	s.n_nics = h.n_nics;
	copy(s.files, at, s.n_files, sizeof(*s.files));
	copy(s.nics, at + s.n_files * sizeof(*s.files), s.n_nics, sizeof(*s.nics));
	for (size_t i = 0; i < s.n_files; i++) {
		/* a bool of other bytes is no bool */
		memset(&s.files[i].told, 0, sizeof(s.files[i].told));
	}
	if (!set_is_sane(&s))
		return -EBADMSG;
	*out = s;
	s = (struct records_set){ 0 };
	return 0;
}
