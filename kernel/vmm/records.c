// SPDX-License-Identifier: GPL-2.0-or-later
#include "records.h"

#include "base/cleanup.h"
#include "base/nsec.h"
#include "record_proxmox.h"
#include "record_source.h"
#include "records_read.h"
#include "vmm_options.h"
#include "vmm_qemu.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of RECORDS_PATIENCE_NS; what is not parsed then is parsed the next time. */
#define BUDGET_NS (600 * NSEC_PER_MSEC)

struct records {
	char root[64];
	struct records_set set;
	pid_t left;         /* a child that cannot be ended; 0: there is none */
	uint64_t rested_ns; /* before this time no child is started */
	int error;          /* of the latest attempt */
	bool told;          /* the log has it */
	uint64_t asked;     /* for which taps of which processes */
	bool behind;
	char news[512];
};

int records_open(struct records **ret, const char *root)
{
	struct records *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	snprintf(r->root, sizeof(r->root), "%s", root);
	*ret = r;
	return 0;
}

struct records *records_close(struct records *r)
{
	if (r)
		records_set_free(&r->set);
	free(r);
	return NULL;
}

/* --- reading ------------------------------------------------------------------------------------------ */

static bool is_qemu(const struct vmm_nic *nic)
{
	return nic->known && !strcmp(nic->vmm, "qemu");
}

static int compare_number(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* The VMs that Proxmox numbered, by their taps; sorted, each once. NULL: out of memory. */
static unsigned int *find_vmids(const struct vmm_nic *nics, size_t n, size_t *n_found)
{
	unsigned int *ids = calloc(n + 1, sizeof(*ids));
	size_t found = 0, kept = 0;

	if (!ids)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (is_qemu(&nics[i]) && record_proxmox_tap(nics[i].tap, &ids[found]))
			found++;
	if (found)
		qsort(ids, found, sizeof(*ids), compare_number);
	for (size_t i = 0; i < found; i++)
		if (!kept || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	*n_found = kept;
	return ids;
}

/* An error that the log has is not told again while it stays. */
static void keep_told(const struct records_set *was, struct records_set *now)
{
	for (size_t i = 0; i < now->n_files; i++) {
		struct records_file *f = &now->files[i];
		const struct records_file *before = records_find(was, f->source, f->name);

		f->told = before && before->error == f->error && before->told;
	}
}

static int read_now(struct records *r, const struct vmm_nic *nics, size_t n)
{
	struct records_request q = { .root = r->root, .known = &r->set, .budget_ns = BUDGET_NS };
	struct records_set now = { 0 };
	_cleanup_free_ unsigned int *vmids = find_vmids(nics, n, &q.n_vmids);
	int err;

	if (!vmids)
		return -ENOMEM;
	q.vmids = vmids;
	err = records_read(&q, &r->left, &now);
	if (err < 0)
		return err;
	keep_told(&r->set, &now);
	records_set_free(&r->set);
	r->set = now;
	return 0;
}

/* --- what the vNICs say -------------------------------------------------------------------------------- */

/* Files of one source by pid. */
struct by_pid {
	const struct records_file **files;
	size_t n;
};

static int compare_pid(const void *a, const void *b)
{
	const struct records_file *x = *(const struct records_file *const *)a,
				  *y = *(const struct records_file *const *)b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int index_pids(const struct records_set *s, uint32_t source, struct by_pid *out)
{
	out->files = calloc(s->n_files + 1, sizeof(*out->files));
	out->n = 0;
	if (!out->files)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_files; i++)
		if (s->files[i].source == source && s->files[i].pid)
			out->files[out->n++] = &s->files[i];
	if (out->n)
		qsort(out->files, out->n, sizeof(*out->files), compare_pid);
	return 0;
}

/* The record of the vNIC's VM; NULL: there is none, or there are two of one process. */
static const struct records_file *find_file(const struct records_set *s, const struct by_pid *by_pid,
					    uint32_t source, const struct vmm_nic *nic)
{
	const struct record_source *from = &record_sources[source];
	struct records_file key = { .pid = nic->pid };
	const struct records_file *k = &key, **found;
	unsigned int vmid;

	if (from->key == RECORD_BY_VMID) {
		if (!record_proxmox_tap(nic->tap, &vmid))
			return NULL;
		snprintf(key.name, sizeof(key.name), "%u%s", vmid, from->suffix);
		k = records_find(s, source, key.name);
		return k && !k->error ? k : NULL;
	}
	if (!by_pid->n)
		return NULL;
	found = bsearch(&k, by_pid->files, by_pid->n, sizeof(k), compare_pid);
	if (!found || (found > by_pid->files && found[-1]->pid == nic->pid) ||
	    (found + 1 < by_pid->files + by_pid->n && found[1]->pid == nic->pid))
		return NULL;
	return *found;
}

/* True: the record has decided. */
static bool put_right(const struct records_set *s, const struct records_file *f, enum record_silence silence,
		      struct vmm_nic *nic, bool *behind)
{
	const struct record_nic *told = NULL;

	for (uint32_t i = 0; i < f->n && !told; i++)
		if (!strcmp(s->nics[f->first + i].tap, nic->tap))
			told = &s->nics[f->first + i];
	if (!told && silence == RECORD_IS_MUTE)
		return false;
	*behind |= !told;
	vmm_copy(nic->mac, sizeof(nic->mac), told ? told->mac : "");
	vmm_copy(nic->model, sizeof(nic->model), told ? told->model : "");
	vmm_qemu_judge(nic->model, nic);
	return true;
}

static int put_all_right(struct records *r, struct vmm_nic *nics, size_t n)
{
	_cleanup_free_ bool *decided = calloc(n + 1, sizeof(*decided));
	struct by_pid by_pid = { 0 };
	int err = decided ? 0 : -ENOMEM;

	r->behind = false;
	for (uint32_t source = 0; source < RECORD_SOURCES && err == 0; source++) {
		err = index_pids(&r->set, source, &by_pid);
		for (size_t i = 0; i < n && err == 0; i++) {
			const struct records_file *f =
				decided[i] || !is_qemu(&nics[i]) ? NULL : find_file(&r->set, &by_pid, source, &nics[i]);

			if (f)
				decided[i] = put_right(&r->set, f, record_sources[source].silence, &nics[i],
						       &r->behind);
		}
		free(by_pid.files);
	}
	return err;
}

/* FNV-1a over the taps of QEMUs, with their processes; 0: there are none. */
static uint64_t hash_taps(const struct vmm_nic *nics, size_t n)
{
	uint64_t h = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_qemu(&nics[i]))
			continue;
		h = h ? h : 0xcbf29ce484222325ULL;
		h = (h ^ (uint64_t)nics[i].pid) * 0x100000001b3ULL;
		h = (h ^ nics[i].start_time) * 0x100000001b3ULL;
		for (const char *p = nics[i].tap; *p; p++)
			h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
	}
	return h;
}

bool records_behind(const struct records *r)
{
	return r->behind;
}

int records_apply(struct records *r, struct vmm_nic *nics, size_t n, bool fresh, uint64_t now_ns)
{
	uint64_t taps = hash_taps(nics, n);
	int err;

	fresh |= taps != r->asked;
	r->asked = taps;
	r->behind = false;
	if (!taps)
		return 0;
	if (fresh && now_ns >= r->rested_ns) {
		err = read_now(r, nics, n);
		if (err != r->error)
			r->told = false;
		r->error = err;
		r->rested_ns = err < 0 ? now_ns + RECORDS_REST_NS : 0;
	}
	err = put_all_right(r, nics, n);
	return err < 0 ? err : r->error;
}

/* --- what hinders --------------------------------------------------------------------------------------- */

static const char *reason(int error)
{
	switch (error) {
	case -EPERM:
		return "only a regular file of root's that no other user may write is used";
	case -EFBIG:
	case -E2BIG:
		return "it is too long";
	case -EBADMSG:
		return "it is no record of a VM";
	case -ELOOP:
		return "it is a link";
	case -ETIMEDOUT:
		return "no answer within a second";
	default:
		return strerror(-error);
	}
}

/* A name that a terminal shows as it is. */
static void copy_printable(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; i + 1 < size && from[i]; i++)
		to[i] = isprint((unsigned char)from[i]) ? from[i] : '?';
	to[i] = '\0';
}

const char *records_news(struct records *r)
{
	if (r->error < 0 && !r->told) {
		r->told = true;
		snprintf(r->news, sizeof(r->news),
			 "cannot read what managers record of their VMs: %s; their command lines are used, which do "
			 "not tell of NICs that were plugged in",
			 reason(r->error));
		return r->news;
	}
	for (size_t i = 0; i < r->set.n_files; i++) {
		struct records_file *f = &r->set.files[i];
		char name[sizeof(f->name)];

		if (f->error == 0 || f->error == -EAGAIN || f->told)
			continue;
		f->told = true;
		copy_printable(name, sizeof(name), f->name);
		snprintf(r->news, sizeof(r->news), "%s/%s of %s is not used: %s", record_sources[f->source].dir, name,
			 record_sources[f->source].title, reason(f->error));
		return r->news;
	}
	return NULL;
}
