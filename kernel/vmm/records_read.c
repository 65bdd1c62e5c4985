// SPDX-License-Identifier: GPL-2.0-or-later
#include "records_read.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "record_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Texts that are held at one time; what is more waits for the next time. */
#define TEXTS_MAX (64UL * 1024 * 1024)
#define ANSWER_MAX (64UL * 1024 * 1024)

struct text {
	char *data; /* NULL: not read, for it is known or cannot be used */
	size_t size;
};

/* The child's own. It ends without freeing. */
struct work {
	const struct records_request *q;
	uint64_t start_ns;
	struct records_set set;
	struct text *texts; /* of each file */
	size_t held;        /* bytes */
};

static struct records_stamp stamp_of(const struct stat *st)
{
	return (struct records_stamp){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec,
		.ctime_ns = st->st_ctim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_ctim.tv_nsec,
	};
}

/* Root's, and no other user's to write. */
static bool is_roots(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int read_text(int fd, size_t size, struct text *out)
{
	char *data = malloc(size + 1);
	size_t n = 0;

	if (!data)
		return -ENOMEM;
	while (n < size) {
		ssize_t k = read(fd, data + n, size - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	*out = (struct text){ .data = data, .size = n };
	return 0;
}

/* The stamp, and the text unless it is known already. */
static int open_file(struct work *w, int dirfd, struct records_file *f, struct text *text)
{
	_cleanup_close_ int fd = openat(dirfd, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	const struct records_file *known = records_find(w->q->known, f->source, f->name);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	f->stamp = stamp_of(&st);
	if (!S_ISREG(st.st_mode) || !is_roots(&st))
		return -EPERM;
	if ((uint64_t)st.st_size > RECORD_BYTES_MAX)
		return -EFBIG;
	if (known && known->error != -EAGAIN && !memcmp(&known->stamp, &f->stamp, sizeof(f->stamp)))
		return 0;
	if (w->held + f->stamp.size > TEXTS_MAX)
		return -EAGAIN;
	w->held += f->stamp.size;
	return read_text(fd, f->stamp.size, text);
}

static int add_file(struct work *w, uint32_t source, int dirfd, const char *name)
{
	struct records_file f = { .source = source };
	struct text text = { 0 };
	size_t n = w->set.n_files;

	if (strlen(name) >= sizeof(f.name))
		return 0;
	if (n >= RECORDS_FILES_MAX)
		return 0;
	strcpy(f.name, name);
	f.error = open_file(w, dirfd, &f, &text);
	if (f.error == -ENOENT) /* deleted meanwhile */
		return 0;
	if (array_reserve(&w->set.files, n, sizeof(f)) < 0 || array_reserve(&w->texts, n, sizeof(text)) < 0)
		return -ENOMEM;
	w->set.files[n] = f;
	w->texts[n] = text;
	w->set.n_files++;
	return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return name[0] != '.' && n > k && !strcmp(name + n - k, suffix);
}

static int add_directory(struct work *w, uint32_t source, int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir)))
		if (has_suffix(e->d_name, record_sources[source].suffix))
			r = add_file(w, source, dirfd, e->d_name);
	closedir(dir);
	return r;
}

static int add_vms(struct work *w, uint32_t source, int dirfd)
{
	char name[32];
	int r = 0;

	for (size_t i = 0; i < w->q->n_vmids && r == 0; i++) {
		snprintf(name, sizeof(name), "%u%s", w->q->vmids[i], record_sources[source].suffix);
		r = add_file(w, source, dirfd, name);
	}
	return r;
}

/* A manager that is not on this host has no directory. */
static int add_source(struct work *w, uint32_t source)
{
	const struct record_source *s = &record_sources[source];
	_cleanup_close_ int dirfd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (s->key == RECORD_BY_VMID && !w->q->n_vmids)
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s%s", w->q->root, s->dir) >= sizeof(path))
		return -ENAMETOOLONG;
	dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(dirfd, &st) < 0)
		return -errno;
	if (!is_roots(&st))
		return -EPERM;
	return s->key == RECORD_BY_PID ? add_directory(w, source, dirfd) : add_vms(w, source, dirfd);
}

static int read_all(void *arg)
{
	struct work *w = arg;

	w->start_ns = clock_now_ns();
	for (uint32_t i = 0; i < RECORD_SOURCES; i++) {
		int error = add_source(w, i);
		struct records_file f = { .source = i, .error = error };
		size_t n = w->set.n_files;

		if (error == -ENOMEM)
			return error;
		if (error == 0)
			continue;
		if (array_reserve(&w->set.files, n, sizeof(f)) < 0 ||
		    array_reserve(&w->texts, n, sizeof(*w->texts)) < 0)
			return -ENOMEM;
		w->texts[n] = (struct text){ 0 };
		w->set.files[w->set.n_files++] = f;
	}
	return 0;
}

/* --- without rights --------------------------------------------------------------------------------- */

static int add_nics(struct records_set *s, struct records_file *f, const struct record_nic *nics, size_t n)
{
	f->first = (uint32_t)s->n_nics;
	f->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		if (array_reserve(&s->nics, s->n_nics, sizeof(*nics)) < 0)
			return -ENOMEM;
		s->nics[s->n_nics++] = nics[i];
	}
	return 0;
}

static int parse_one(struct work *w, struct records_file *f, const struct text *text)
{
	const struct record_source *source = &record_sources[f->source];
	_cleanup_(record_free) struct record r = { 0 };
	char stem[sizeof(f->name)];
	int err;

	if (clock_now_ns() - w->start_ns > w->q->budget_ns)
		return -EAGAIN;
	memcpy(stem, f->name, sizeof(stem));
	stem[strlen(stem) - strlen(source->suffix)] = '\0';
	err = source->parse(stem, text->data, text->size, &r);
	if (err < 0)
		return err;
	f->pid = r.pid;
	return add_nics(&w->set, f, r.nics, r.n);
}

static int take_known(struct work *w, struct records_file *f)
{
	const struct records_set *known = w->q->known;
	const struct records_file *k = records_find(known, f->source, f->name);

	f->pid = k->pid;
	f->error = k->error;
	return add_nics(&w->set, f, known->nics + k->first, k->n);
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t k = write(fd, bytes, n);

		if (k < 0)
			return -errno;
		bytes += k;
		n -= (size_t)k;
	}
	return 0;
}

static int parse_all(void *arg, int fd)
{
	struct work *w = arg;
	size_t size;
	char *bytes;

	for (size_t i = 0; i < w->set.n_files; i++) {
		struct records_file *f = &w->set.files[i];
		int r = 0;

		if (f->error == 0 && w->texts[i].data)
			f->error = parse_one(w, f, &w->texts[i]);
		else if (f->error == 0)
			r = take_known(w, f);
		free(w->texts[i].data);
		if (r < 0 || f->error == -ENOMEM)
			return -ENOMEM;
	}
	if (w->set.n_files)
		qsort(w->set.files, w->set.n_files, sizeof(*w->set.files), records_compare_files);
	bytes = records_encode(&w->set, &size);
	return bytes ? write_all(fd, bytes, size) : -ENOMEM;
}

int records_read(const struct records_request *q, pid_t *left, struct records_set *out)
{
	struct work w = { .q = q };
	const struct jail_job job = {
		.read = read_all, .parse = parse_all, .arg = &w, .patience_ns = RECORDS_PATIENCE_NS, .max = ANSWER_MAX
	};
	_cleanup_free_ void *answer = NULL;
	size_t size;
	int r = jail_run(&job, left, &answer, &size);

	return r < 0 ? r : records_decode(answer, size, out);
}
