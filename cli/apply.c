// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy check FILE, divvy apply [--dry-run [--json]] FILE */

#include "cli.h"
#include "ask.h"
#include "complain.h"
#include "dryrun.h"
#include "text.h"

#include "base/cleanup.h"
#include "core/admission.h"
#include "core/direction.h"
#include "proto/client.h"
#include "spec/spec.h"

#include <errno.h>
#include <stdio.h>

/* The text that the only argument names, and its model: the caller frees both. NULL: after a complaint. */
static char *read_spec(int argc, char **argv, size_t *size, struct model *m)
{
	_cleanup_free_ char *text = NULL;
	struct spec_error err = { 0 };

	if (argc != 2) {
		complain("expected one FILE");
		return NULL;
	}
	text = text_read(argv[1], size);
	if (!text)
		return NULL;
	if (spec_parse(text, *size, m, &err) < 0) {
		text_complain(argv[1], &err);
		return NULL;
	}
	return TAKE_PTR(text);
}

/* True if keys of schedule stand there and "resource: cpu", which is easily forgotten, does not. */
static bool schedule_is_idle(const struct model *m)
{
	return m->schedule.resource == RESOURCE_DEVICE && !schedule_same(&m->schedule, &schedule_default);
}

/* What a warning is about. */
struct warned {
	const char *file;
	const struct model *m;
	enum direction direction;
};

static int warn(void *arg, uint32_t node, const char *text)
{
	const struct warned *w = arg;

	complain("warning: %s:%u: %s%s", w->file, w->m->nodes[node].line, text, direction_note(w->direction));
	return 0;
}

/* Reserves that leave next to nothing to others, in each direction. */
static void warn_tight(const char *file, const struct model *m)
{
	for (enum direction i = 0; i < N_DIRECTIONS; i++) {
		_cleanup_free_ bool *part = direction_parts(m, i);
		_cleanup_(model_free) struct model there;

		model_init(&there);
		if (part && direction_model(m, i, &there) == 0)
			admission_tight(&there, part, warn, &(struct warned){ file, m, i });
	}
}

int verb_check(int argc, char **argv)
{
	struct model m;
	size_t size = 0, devices = 0;
	_cleanup_free_ char *text = read_spec(argc, argv, &size, &m);

	if (!text)
		return EXIT_FAILURE;
	for (size_t i = 0; i < m.n_nodes; i++)
		devices += m.nodes[i].kind == NODE_DEVICE;
	printf("%s: valid, %zu device%s\n", argv[1], devices, devices == 1 ? "" : "s");
	if (schedule_is_idle(&m))
		puts("The keys of schedule count only with resource: cpu; devices are scheduled");
	warn_tight(argv[1], &m);
	model_free(&m);
	return EXIT_SUCCESS;
}

static void report_applied(const json_t *result)
{
	json_int_t devices = json_integer_value(json_object_get(result, "devices"));
	json_int_t bound = json_integer_value(json_object_get(result, "bound"));
	json_int_t apart = json_integer_value(json_object_get(result, "apart"));

	printf("applied: %lld of %lld device%s bound", (long long)bound, (long long)devices,
	       devices == 1 ? "" : "s");
	puts(bound < devices ? ", the others wait (divvy status says for what)" : "");
	if (apart)
		printf("%lld of them %s no part in CPU slots (divvy status says why)\n", (long long)apart,
		       apart == 1 ? "takes" : "take");
}

/* Ask divvyd to take the text of file. Returns the exit status. */
static int apply(const char *file, const char *text, size_t size, const struct dryrun *o)
{
	json_t *args = json_pack("{s:s%}", "text", text, size);
	json_auto_t *result = NULL;
	struct spec_error err;
	int r;

	if (o->wanted)
		json_object_set_new(args, "dry_run", json_true());
	r = client_once("apply", args, &result, &err);
	if (r == -EREMOTEIO)
		return text_complain(file, &err);
	if (r < 0)
		return ask_failed("apply", r, &err);
	ask_warn(result);
	if (o->wanted)
		return dryrun_print(o, stdout, result);
	report_applied(result);
	return EXIT_SUCCESS;
}

int verb_apply(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	struct dryrun o = { 0 };
	struct model m;
	size_t size = 0;

	if (dryrun_options(&argc, argv, &o) < 0)
		return EXIT_FAILURE;
	/* Parsed here first: binary text cannot travel as JSON, and the message is the same. */
	text = read_spec(argc, argv, &size, &m);
	if (!text)
		return EXIT_FAILURE;
	model_free(&m);
	return apply(argv[1], text, size, &o);
}
