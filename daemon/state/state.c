// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include "base/cleanup.h"
#include "base/fnv.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/replace.h"
#include "restore.h"
#include "statefile.h"
#include "systemfile.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An interface's name may be any bytes, and JSON is UTF-8. */
#define SAVED_NAME_SIZE (4 * IFNAMSIZ)

/* The link that was saved under this name; NULL: the ifindex is another one's now, or there is none. */
static const struct link *saved_link(const struct daemon *d, json_int_t ifindex, const char *name)
{
	const struct link *l = host_link(&d->host, (uint32_t)ifindex);
	char saved[SAVED_NAME_SIZE];

	return l && strcmp(printable_name(l->name, saved, sizeof(saved)), name) == 0 ? l : NULL;
}

static json_t *hooks_to_json(const struct hooks *h)
{
	json_t *list = json_array();
	char name[SAVED_NAME_SIZE];

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(list,
				      json_pack("{s:I,s:s,s:b,s:s}",
						"ifindex", (json_int_t)h->list[i].ifindex,
						"name", printable_name(h->list[i].name, name, sizeof(name)),
						"ours", h->list[i].ours,
						"kind", h->list[i].clsact ? "clsact" : "ingress"));
	return list;
}

static json_t *held_to_json(const struct backpressure *b)
{
	json_t *list = json_array();
	char name[SAVED_NAME_SIZE];

	for (size_t i = 0; i < b->n; i++)
		json_array_append_new(list, json_pack("{s:I,s:s,s:I,s:I,s:i,s:i,s:I}", "ifindex",
						      (json_int_t)b->held[i].ifindex, "nic",
						      printable_name(b->held[i].nic, name, sizeof(name)),
						      "pid", (json_int_t)b->held[i].pid, "start_time",
						      (json_int_t)b->held[i].start_time, "before",
						      b->held[i].before, "now", b->held[i].now, "queues",
						      (json_int_t)b->held[i].queues));
	return list;
}

static json_t *classids_to_json(const struct classids *c)
{
	json_t *map = json_object();

	for (size_t i = 0; i < c->n; i++)
		json_object_set_new(map, c->list[i].key, json_integer(c->list[i].minor));
	return map;
}

/* By name: they are the same ports after a reboot. */
static json_t *speeds_to_json(const struct portspeed *s)
{
	json_t *map = json_object();
	char name[SAVED_NAME_SIZE];

	for (size_t i = 0; i < s->n; i++)
		json_object_set_new(map, printable_name(s->list[i].uplink, name, sizeof(name)),
				    json_integer((json_int_t)s->list[i].bits_ps));
	return map;
}

static void speeds_from_json(struct portspeed *s, json_t *map)
{
	const char *uplink;
	json_t *value;

	json_object_foreach(map, uplink, value)
		if (json_integer_value(value) > 0 && strlen(uplink) < IFNAMSIZ)
			(void)portspeed_adopt(s, uplink, (uint64_t)json_integer_value(value));
}

/* What apply and set made of the specification; NULL if the system's file is what runs. */
static char *running_text(const struct daemon *d)
{
	struct model m = d->plan.written; /* borrows */

	if (d->origin != ORIGIN_APPLIED)
		return NULL;
	if (d->not_cpu[0])
		m.schedule = d->asked;
	return m.n_nodes ? spec_format(&m) : strdup("");
}

static char *state_text(const struct daemon *d)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	_cleanup_free_ char *spec = running_text(d);
	char boot[STATEFILE_BOOT_SIZE];

	statefile_boot_id(boot);
	root = json_pack("{s:i,s:s,s:s*,s:b,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "version", STATEFILE_VERSION, "boot", boot,
			 "spec", spec, "as_found", d->as_found, "file_hash", (json_int_t)d->file_hash,
			 "minors", classids_to_json(&d->plan.classids),
			 "hooks", hooks_to_json(&d->plane.hooks), "noqueues", hooks_to_json(&d->plane.noqueues),
			 "held", held_to_json(&d->backpressure),
			 "speeds", speeds_to_json(&d->speeds), "ceilings", restore_to_json(d));
	return root ? json_dumps(root, JSON_COMPACT) : NULL;
}

/* Rename the file that cannot be used; kept gets a remark on where it is. */
static int set_aside(struct daemon *d, char *kept, size_t size)
{
	char path[PATH_MAX];
	int r = replace_set_aside(d->options.state, STATEFILE_NAME, path, sizeof(path));

	d->unusable_state = r < 0 && r != -ENOENT;
	if (d->unusable_state)
		snprintf(kept, size, "it cannot be kept aside: %s", strerror(-r));
	else if (r < 0)
		snprintf(kept, size, "it is gone");
	else
		snprintf(kept, size, "kept as %s", path);
	return d->unusable_state ? r : 0;
}

/* Told once, until it is mended. */
static int tell_saved(struct daemon *d, int r)
{
	bool was_unsaved = d->unsaved[0] != '\0';

	d->unsaved[0] = '\0';
	if (r < 0)
		snprintf(d->unsaved, sizeof(d->unsaved), "cannot save the state in %s: %s", d->options.state,
			 strerror(-r));
	if (r < 0 && !was_unsaved)
		log_error("%s; what runs now would not survive a restart", d->unsaved);
	else if (r >= 0 && was_unsaved)
		log_notice("the state is saved again");
	return r;
}

int state_save(struct daemon *d)
{
	_cleanup_free_ char *text = state_text(d);
	char path[PATH_MAX], kept[DAEMON_WHY_SIZE];
	uint64_t hash;
	int r = 0;

	if (!text)
		return tell_saved(d, -ENOMEM);
	hash = fnv_hash(text, strlen(text));
	snprintf(path, sizeof(path), "%s/" STATEFILE_NAME, d->options.state);
	if (hash == d->saved_hash && access(path, F_OK) == 0)
		return 0;
	if (d->unusable_state)
		r = set_aside(d, kept, sizeof(kept));
	if (r >= 0)
		r = replace_file(d->options.state, STATEFILE_NAME, text, strlen(text));
	d->saved_hash = r < 0 ? 0 : hash;
	return tell_saved(d, r);
}

static void hooks_from_json(struct daemon *d, struct hooks *hooks, json_t *list)
{
	json_t *j;
	size_t i;

	json_array_foreach(list, i, j) {
		json_int_t ifindex;
		const char *name, *kind = "clsact"; /* earlier versions knew no other */
		int ours;
		const struct link *l;

		if (json_unpack(j, "{s:I,s:s,s:b,s?s}", "ifindex", &ifindex, "name", &name, "ours", &ours,
				"kind", &kind) < 0)
			continue;
		l = saved_link(d, ifindex, name);
		if (l)
			hooks_add(hooks, (uint32_t)ifindex, l->name, ours,
				  strcmp(kind, "clsact") == 0);
	}
}

static void held_from_json(struct daemon *d, json_t *list)
{
	json_t *j;
	size_t i;

	json_array_foreach(list, i, j) {
		json_int_t ifindex, pid, start, queues;
		struct held h = { 0 };
		const struct link *l;
		const char *nic;

		if (json_unpack(j, "{s:I,s:s,s:I,s:I,s:i,s:i,s:I}", "ifindex", &ifindex, "nic", &nic, "pid",
				&pid, "start_time", &start, "before", &h.before, "now", &h.now, "queues",
				&queues) < 0)
			continue;
		h.ifindex = (uint32_t)ifindex;
		h.pid = (pid_t)pid;
		h.start_time = (uint64_t)start;
		h.queues = (uint32_t)queues;
		l = saved_link(d, ifindex, nic);
		snprintf(h.nic, sizeof(h.nic), "%.*s", IFNAMSIZ - 1, l ? l->name : nic);
		backpressure_adopt(&d->backpressure, &h);
	}
}

static int classids_from_json(json_t *map, struct classids *c)
{
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value) {
		json_int_t minor = json_integer_value(value);

		if (minor >= CLASSID_FIRST && minor <= CLASSID_LAST &&
		    classids_add(c, key, (uint16_t)minor) < 0)
			return -ENOMEM;
	}
	classids_seal(c);
	return 0;
}

/* What of the state cannot be used: kept aside, logged, and told in the status until the next change. */
__attribute__((format(printf, 2, 3)))
static void lose(struct daemon *d, const char *form, ...)
{
	char what[DAEMON_WHY_SIZE], kept[DAEMON_WHY_SIZE], text[2 * DAEMON_WHY_SIZE];
	va_list ap;

	va_start(ap, form);
	vsnprintf(what, sizeof(what), form, ap);
	va_end(ap);
	(void)set_aside(d, kept, sizeof(kept));
	snprintf(text, sizeof(text), "%s; %s", what, kept);
	printable(text, strlen(text), d->state_lost, sizeof(d->state_lost)); /* what was read may be any bytes */
	log_error("%s", d->state_lost);
}

/* What names interfaces and processes, of this boot alone. True: it is of this boot. */
static bool load_tables(struct daemon *d, const json_t *root)
{
	const char *saved = json_string_value(json_object_get(root, "boot"));
	char boot[STATEFILE_BOOT_SIZE];

	statefile_boot_id(boot);
	if (!saved || strcmp(boot, saved) != 0)
		return false;
	hooks_from_json(d, &d->plane.hooks, json_object_get(root, "hooks"));
	hooks_from_json(d, &d->plane.noqueues, json_object_get(root, "noqueues")); /* earlier versions had none */
	held_from_json(d, json_object_get(root, "held"));
	return true;
}

/* What the system's file says at the start. */
struct system_file {
	int r; /* systemfile_read()'s */
	uint64_t hash;
	struct model m;
	struct spec_error err;
};

static void system_file_free(struct system_file *f)
{
	model_free(&f->m);
}

/* The specification that was applied runs, and the system's file is not as it was then, or is wrong: say so. */
static void tell_passed(struct daemon *d, const struct system_file *f, bool changed)
{
	char text[sizeof(f->err.text) + PATH_MAX + 32];

	if (f->r >= 0 || (!changed && (f->r == -ENOENT || f->r == -ENODATA)))
		return;
	if (f->r == -ENOENT)
		snprintf(text, sizeof(text), "%s is gone", d->options.config);
	else if (f->r == -ENODATA)
		snprintf(text, sizeof(text), "%s says nothing", d->options.config);
	else
		systemfile_wrong(d->options.config, f->r, &f->err, text, sizeof(text));
	printable(text, strlen(text), d->not_file, sizeof(d->not_file));
	if (f->r != -ENOENT && f->r != -ENODATA)
		log_error("%s", text);
}

/*
 * The specification that was applied, whatever the system's file says unless that is another specification than
 * it was then. 1: *m is it; 0: there is none, or the file counts; -EBADMSG: it no longer parses, and is told.
 */
static int load_applied(struct daemon *d, const json_t *root, const struct system_file *f, struct model *m)
{
	const char *spec = json_string_value(json_object_get(root, "spec"));
	uint64_t hash = (uint64_t)json_integer_value(json_object_get(root, "file_hash"));
	struct spec_error err = { 0 };
	int r;

	if (!spec)
		return 0;
	if (f->r >= 0 && f->hash != hash) {
		log_notice("%s has changed since the last apply or set: the file counts", d->options.config);
		return 0;
	}
	/* After release --all the applied specification is empty, and stays so. */
	r = spec[0] ? spec_parse(spec, strlen(spec), m, &err) : 0;
	if (r < 0) {
		lose(d, "the specification saved in %s/" STATEFILE_NAME ":%u:%u: %s", d->options.state, err.line,
		     err.column, err.text[0] ? err.text : strerror(-r));
		return -EBADMSG;
	}
	tell_passed(d, f, f->hash != hash);
	d->file_hash = hash; /* should the file come back as it was, it is no news */
	return 1;
}

/* What ran was the system's file, and it is gone since, or says nothing: what it said is not known. */
static bool ran_file_emptied(const json_t *root, const struct system_file *f)
{
	uint64_t hash = (uint64_t)json_integer_value(json_object_get(root, "file_hash"));

	return (f->r == -ENOENT || f->r == -ENODATA) && hash && hash != f->hash &&
	       !json_object_get(root, "spec");
}

/* Nothing is applied: the file is what runs, if it says anything. lost: something was applied, and cannot be read. */
static int load_file(struct daemon *d, const json_t *root, bool lost, struct system_file *f, struct model *m)
{
	bool emptied = ran_file_emptied(root, f);

	/* If there is no file either, it is not known what should run. */
	d->as_found = lost || emptied || d->records_lost || json_is_true(json_object_get(root, "as_found"));
	d->file_hash = f->hash;
	if (emptied)
		snprintf(d->not_file, sizeof(d->not_file), "%.200s, which ran, %s", d->options.config,
			 f->r == -ENOENT ? "is gone" : "says nothing any more");
	if (f->r < 0)
		return f->r == -ENODATA ? -ENOENT : f->r;
	d->origin = ORIGIN_FILE;
	*m = f->m;
	model_init(&f->m);
	return 0;
}

int state_load(struct daemon *d, struct model *m, struct classids *classids, struct spec_error *err)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	_cleanup_(system_file_free) struct system_file f;
	char why[DAEMON_WHY_SIZE];
	int r = statefile_read(d->options.state, &root, why, sizeof(why));

	*err = (struct spec_error){ 0 };
	model_init(&f.m);
	if (r < 0 && r != -ENOENT)
		lose(d, "%s/" STATEFILE_NAME " %s", d->options.state, why);
	f.r = systemfile_read(d->options.config, &f.m, &f.hash, &f.err);
	r = classids_from_json(json_object_get(root, "minors"), classids);
	if (r < 0)
		return r;
	d->records_lost = !load_tables(d, root);
	speeds_from_json(&d->speeds, json_object_get(root, "speeds"));
	d->origin = ORIGIN_NONE;
	r = load_applied(d, root, &f, m);
	if (r > 0) {
		d->origin = ORIGIN_APPLIED;
		return 0;
	}
	r = load_file(d, root, r < 0, &f, m);
	if (r < 0)
		*err = f.err;
	return r;
}

static bool compare_with_file(const struct daemon *d)
{
	_cleanup_(model_free) struct model m;
	_cleanup_free_ char *file = NULL, *running = NULL;
	struct spec_error err;
	uint64_t hash;
	int r;

	model_init(&m);
	if (d->origin != ORIGIN_APPLIED)
		return false;
	r = systemfile_read(d->options.config, &m, &hash, &err);
	if (r < 0)
		return r != -ENOENT && r != -ENODATA;
	file = spec_format(&m);
	running = spec_format(&d->plan.written);
	return !file || !running || strcmp(file, running) != 0;
}

static bool stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool state_differs(struct daemon *d)
{
	struct file_view *v = &d->file;
	struct stat now = { 0 };

	if (stat(d->options.config, &now) < 0)
		now = (struct stat){ 0 };
	if (v->valid && stat_same(&v->file, &now))
		return v->differs;
	*v = (struct file_view){ .valid = true, .file = now, .differs = compare_with_file(d) };
	return v->differs;
}
