// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define STATE_VERSION 1
#define STATE_FILE "state.json"

/* Whole file, malloc()ed; NULL with errno. More than limit bytes are cut. */
static char *read_file(const char *path, size_t limit, size_t *size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	size_t n = 0, room = 0;

	if (fd < 0)
		return NULL;
	for (;;) {
		ssize_t r;

		if (n == room) {
			char *bigger = realloc(buf, (room = room ? 2 * room : 4096) + 1);

			if (!bigger)
				return NULL;
			buf = bigger;
		}
		r = read(fd, buf + n, room - n);
		if (r < 0)
			return NULL;
		n += (size_t)r;
		if (r == 0 || n > limit)
			break;
	}
	buf[n] = '\0';
	*size = n;
	return TAKE_PTR(buf);
}

uint64_t state_file_hash(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	size_t size = 0;
	_cleanup_free_ char *text = read_file(path, SPEC_TEXT_MAX, &size);

	if (!text)
		return 0;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ULL;
	return hash;
}

static void boot_id(char id[40])
{
	size_t size = 0;
	_cleanup_free_ char *text = read_file("/proc/sys/kernel/random/boot_id", 64, &size);

	snprintf(id, 40, "%.36s", text ? text : "");
}

static json_t *hooks_to_json(const struct hooks *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(list,
				      json_pack("{s:I,s:s,s:b}", "ifindex", (json_int_t)h->list[i].ifindex,
						"name", h->list[i].name, "ours", h->list[i].ours));
	return list;
}

static json_t *held_to_json(const struct backpressure *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->n; i++)
		json_array_append_new(list, json_pack("{s:I,s:s,s:I,s:I,s:i,s:i,s:I}", "ifindex",
						      (json_int_t)b->held[i].ifindex, "nic", b->held[i].nic,
						      "pid", (json_int_t)b->held[i].pid, "start_time",
						      (json_int_t)b->held[i].start_time, "before",
						      b->held[i].before, "now", b->held[i].now, "queues",
						      (json_int_t)b->held[i].queues));
	return list;
}

/* Replace the file: never half written, also if the daemon is killed here. */
static int write_file(const char *dir, const char *text)
{
	char path[4096], tmp[4096 + 8];
	_cleanup_close_ int fd = -1;
	size_t len = strlen(text);

	snprintf(path, sizeof(path), "%s/" STATE_FILE, dir);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return rename(tmp, path) < 0 ? -errno : 0;
}

/* What apply and set made of the specification; NULL if the system's file is what runs. */
static char *running_text(const struct daemon *d)
{
	struct model m = d->model; /* borrows */

	if (d->origin != ORIGIN_APPLIED)
		return NULL;
	if (d->not_cpu[0])
		m.schedule = d->asked;
	return m.n_nodes ? spec_format(&m) : strdup("");
}

int state_save(const struct daemon *d)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	_cleanup_free_ char *spec = running_text(d);
	_cleanup_free_ char *text = NULL;
	char boot[40];
	int r;

	boot_id(boot);
	root = json_pack("{s:i,s:s,s:s*,s:I,s:O,s:o,s:o}", "version", STATE_VERSION, "boot", boot, "spec",
			 spec, "file_hash", (json_int_t)d->file_hash, "minors", d->minors_table.by_name,
			 "hooks", hooks_to_json(&d->plane.hooks), "held", held_to_json(&d->backpressure));
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	if (!text)
		return -ENOMEM;
	r = write_file(d->options.state, text);
	if (r < 0)
		log_error("cannot save the state in %s: %s", d->options.state, strerror(-r));
	return r;
}

static void hooks_from_json(struct daemon *d, json_t *list)
{
	json_t *j;
	size_t i;

	json_array_foreach(list, i, j) {
		json_int_t ifindex;
		const char *name;
		int ours;
		const struct link *l;

		if (json_unpack(j, "{s:I,s:s,s:b}", "ifindex", &ifindex, "name", &name, "ours", &ours) < 0)
			continue;
		l = host_link(&d->host, (uint32_t)ifindex);
		if (l && strcmp(l->name, name) == 0)
			hooks_add(&d->plane.hooks, (uint32_t)ifindex, name, ours);
	}
}

static void held_from_json(struct daemon *d, json_t *list)
{
	json_t *j;
	size_t i;

	json_array_foreach(list, i, j) {
		json_int_t ifindex, pid, start, queues;
		struct held h = { 0 };
		const char *nic;

		if (json_unpack(j, "{s:I,s:s,s:I,s:I,s:i,s:i,s:I}", "ifindex", &ifindex, "nic", &nic, "pid",
				&pid, "start_time", &start, "before", &h.before, "now", &h.now, "queues",
				&queues) < 0)
			continue;
		h.ifindex = (uint32_t)ifindex;
		h.pid = (pid_t)pid;
		h.start_time = (uint64_t)start;
		h.queues = (uint32_t)queues;
		snprintf(h.nic, sizeof(h.nic), "%s", nic);
		backpressure_adopt(&d->backpressure, &h);
	}
}

/* Comments alone, as `make install` puts there, are no specification yet. */
static bool is_blank(const char *text, size_t size)
{
	if (strlen(text) != size)
		return false;
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return !*text;
		text += strcspn(text, "\n");
	}
}

static int parse_system_file(const char *path, struct model *m, struct spec_error *err)
{
	size_t size = 0;
	_cleanup_free_ char *text = read_file(path, SPEC_TEXT_MAX, &size);

	if (!text)
		return errno == ENOENT ? -ENOENT : -errno;
	if (is_blank(text, size))
		return -ENOENT;
	return spec_parse(text, size, m, err);
}

int state_load(struct daemon *d, struct model *m, struct spec_error *err)
{
	char path[4096], boot[40];
	json_error_t jerr;
	_cleanup_(json_decrefp) json_t *root = NULL;
	uint64_t hash = state_file_hash(d->options.config);
	const char *spec;
	json_t *minors;
	int r;

	*err = (struct spec_error){ 0 };
	d->file_hash = hash;
	snprintf(path, sizeof(path), "%s/" STATE_FILE, d->options.state);
	root = json_load_file(path, 0, &jerr);
	if (root && json_integer_value(json_object_get(root, "version")) == STATE_VERSION) {
		boot_id(boot);
		minors = json_object_get(root, "minors");
		if (json_is_object(minors)) {
			json_decref(d->minors_table.by_name);
			d->minors_table.by_name = json_incref(minors);
		}
		if (strcmp(boot, json_string_value(json_object_get(root, "boot")) ?: "") == 0) {
			hooks_from_json(d, json_object_get(root, "hooks"));
			held_from_json(d, json_object_get(root, "held"));
		}
		spec = json_string_value(json_object_get(root, "spec"));
		if (spec && (uint64_t)json_integer_value(json_object_get(root, "file_hash")) == hash) {
			/* After release --all the applied specification is empty, and stays so. */
			r = spec[0] ? spec_parse(spec, strlen(spec), m, err) : 0;
			if (r >= 0)
				d->origin = ORIGIN_APPLIED;
			return r;
		}
		if (spec)
			log_notice("%s has changed since the last apply or set: the file counts",
				   d->options.config);
	}
	r = parse_system_file(d->options.config, m, err);
	d->origin = r >= 0 ? ORIGIN_FILE : ORIGIN_NONE;
	return r;
}

bool state_differs(const struct daemon *d)
{
	_cleanup_(model_free) struct model m;
	_cleanup_free_ char *file = NULL, *running = NULL;
	struct spec_error err;
	int r;

	model_init(&m);
	if (d->origin != ORIGIN_APPLIED)
		return false;
	r = parse_system_file(d->options.config, &m, &err);
	if (r < 0)
		return r != -ENOENT;
	file = spec_format(&m);
	running = spec_format(&d->model);
	return !file || !running || strcmp(file, running) != 0;
}
