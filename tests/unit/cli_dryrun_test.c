/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/complain.h"

#include "base/cleanup.h"
#include "capture.h"
#include "fake_divvyd.h"

#include <jansson.h>

/* clang-format off */
#define RESULT(result) "{\"version\":1,\"id\":1,\"ok\":true,\"result\":" result "}\n"
#define REFUSAL(line, column, text) \
	"{\"version\":1,\"id\":1,\"ok\":false,\"error\":{\"line\":" line ",\"column\":" column "," \
	"\"message\":\"" text "\"}}\n"
#define STEPS(bound, devices, steps) \
	RESULT("{\"version\":1,\"devices\":" devices ",\"bound\":" bound ",\"steps\":[" steps "]}")
#define STEP(action, uplink, device, nic, text) \
	"{\"action\":\"" action "\",\"uplink\":\"" uplink "\",\"device\":\"" device "\"," \
	"\"nic\":\"" nic "\",\"text\":\"" text "\"}"
#define FOUR_STEPS \
	STEP("make", "eno1", "", "", "IFB divvy0, HTB of 100 Mbit/s") "," \
	STEP("make", "eno1", "tenant-a/web", "vnet0", "class 1:3: rate 60 Mbit/s") "," \
	STEP("drain", "eno1", "db", "", "class 1:4") "," \
	STEP("wait", "eno1", "late", "", "no VM late on this host")
#define OF_TWO_UPLINKS \
	STEP("remove", "eno1", "", "", "IFB divvy0") "," \
	STEP("make", "eno2", "web", "vnet0", "class 1:2")
#define WITH_NOTE \
	RESULT("{\"version\":1,\"devices\":1,\"bound\":1,\"steps\":[" STEP("change", "eno1", "web", "vnet0", "class 1:3") \
	       "],\"notes\":[\"local traffic counts\"],\"warnings\":[\"too high\"]}")
/* clang-format on */

#define SPEC                                                        \
	"schedule: {slots: 50}\n"                                   \
	"uplinks:\n- name: eno1\n  capacity: 100mbit\n  devices:\n" \
	"  - {name: web, vm: web}\n  - {name: late, vm: late}\n"

#define ARGC_MAX 6

struct run {
	const char *args[ARGC_MAX]; /* NULL-terminated, the verb first; "@": a file with SPEC */
	const char *answer;         /* divvyd's */
	const char *request;        /* the args that divvyd gets, without the text; NULL: it is not asked */
	int status;
	const char *out, *err; /* printed; "@" in err: the file's name */
};

static void check_request(const struct run *run, const char *line)
{
	json_auto_t *j = json_loads(line, 0, NULL);
	json_t *args = json_object_get(j, "args");
	_cleanup_free_ char *text = NULL;

	if (!run->request) {
		assert_string_equal(line, "");
		return;
	}
	if (strcmp(run->args[0], "apply") == 0) {
		assert_string_equal(json_string_value(json_object_get(args, "text")), SPEC);
		json_object_del(args, "text");
	}
	assert_string_equal(json_string_value(json_object_get(j, "verb")), run->args[0]);
	text = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, run->request);
}

static void check_err(const struct run *run, const char *file, const char *err)
{
	const char *at = strchr(run->err, '@');
	char expected[512];

	if (at)
		snprintf(expected, sizeof(expected), "%.*s%s%s", (int)(at - run->err), run->err, file,
			 at + 1);
	assert_string_equal(err, at ? expected : run->err);
}

static void check_run(const struct run *run)
{
	struct fake_divvyd f = { .answer = run->answer, .size = strlen(run->answer) };
	char file[] = "/tmp/divvy-dryrun-XXXXXX", args[ARGC_MAX][64], *argv[ARGC_MAX] = { NULL };
	int fd = mkstemp(file), argc = 0, status;
	struct capture c;

	assert_int_equal(write(fd, SPEC, strlen(SPEC)), strlen(SPEC));
	close(fd);
	for (; run->args[argc]; argc++) {
		bool is_file = strcmp(run->args[argc], "@") == 0;

		snprintf(args[argc], sizeof(args[argc]), "%s", is_file ? file : run->args[argc]);
		argv[argc] = args[argc];
	}
	fake_start(&f);
	complain_as(run->args[0]);
	capture_begin(&c);
	status = (strcmp(run->args[0], "set") == 0 ? verb_set : verb_apply)(argc, argv);
	capture_end(&c);
	fake_stop(&f);
	unlink(file);
	assert_string_equal(c.out, run->out);
	check_err(run, file, c.err);
	assert_int_equal(status, run->status);
	check_request(run, f.request);
}

static void test_apply(void **state)
{
	static const struct run runs[] = {
		{ { "apply", "--dry-run", "@" },
		  STEPS("1", "2", FOUR_STEPS),
		  "{\"dry_run\":true}",
		  0,
		  "ACTION DEVICE       NIC   WHAT\n"
		  "make   -            eno1  IFB divvy0, HTB of 100 Mbit/s\n"
		  "make   tenant-a/web vnet0 class 1:3: rate 60 Mbit/s\n"
		  "drain  db           -     class 1:4\n"
		  "wait   late         -     no VM late on this host\n"
		  "nothing was changed: 1 of 2 devices would be bound\n",
		  "" },
		{ { "apply", "@", "--dry-run" },
		  WITH_NOTE,
		  "{\"dry_run\":true}",
		  0,
		  "ACTION DEVICE NIC   WHAT\n"
		  "change web    vnet0 class 1:3\n"
		  "note: local traffic counts\n"
		  "nothing was changed: 1 of 1 device would be bound\n",
		  "divvy: apply: warning: too high\n" },
		{ { "apply", "--dry-run", "@" },
		  STEPS("2", "2", ""),
		  "{\"dry_run\":true}",
		  0,
		  "nothing would change\n",
		  "" },
		{ { "apply", "--json", "--dry-run", "@" },
		  RESULT("{\"version\":1,\"steps\":[]}"),
		  "{\"dry_run\":true}",
		  0,
		  "{\n  \"version\": 1,\n  \"steps\": []\n}\n",
		  "" },
		/* Without --dry-run divvyd is asked for no dry run. */
		{ { "apply", "@" },
		  RESULT("{\"devices\":2,\"bound\":1,\"apart\":1,\"warnings\":[\"too high\",\"too many\"]}"),
		  "{}",
		  0,
		  "applied: 1 of 2 devices bound, the others wait (divvy status says for what)\n"
		  "1 of them takes no part in CPU slots (divvy status says why)\n",
		  "divvy: apply: warning: too high\ndivvy: apply: warning: too many\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		check_run(&runs[i]);
}

static void test_several_uplinks(void **state)
{
	static const struct run run = { { "apply", "--dry-run", "@" },
					STEPS("1", "1", OF_TWO_UPLINKS),
					"{\"dry_run\":true}",
					0,
					"ACTION UPLINK DEVICE NIC   WHAT\n"
					"remove eno1   -      eno1  IFB divvy0\n"
					"make   eno2   web    vnet0 class 1:2\n"
					"nothing was changed: 1 of 1 device would be bound\n",
					"" };

	(void)state;
	check_run(&run);
}

static void test_set(void **state)
{
	static const struct run runs[] = {
		{ { "set", "--dry-run", "web=40", "schedule.slots=7" },
		  STEPS("1", "1", STEP("run in slots", "eno1", "web", "vnet0", "7 in a round")),
		  "{\"dry_run\":true,\"schedule\":{\"slots\":\"7\"},\"shares\":{\"web\":40}}",
		  0,
		  "ACTION       DEVICE NIC   WHAT\n"
		  "run in slots web    vnet0 7 in a round\n"
		  "nothing was changed: 1 of 1 device would be bound\n",
		  "" },
		{ { "set", "web=40" }, RESULT("{}"), "{\"schedule\":{},\"shares\":{\"web\":40}}", 0, "", "" },
		{ { "set", "web.reserve=50mbit", "web.limit=none", "a/v1.2=7", "web=40" },
		  RESULT("{}"),
		  "{\"nodes\":{\"web\":{\"limit\":\"none\",\"reserve\":\"50mbit\"}},\"schedule\":{},\"shares\":{\"a/v1.2\":7,\"web\":40}}",
		  0, "", "" },
		/* divvyd says what is wrong with a key. */
		{ { "set", "web.resrve=50mbit" },
		  RESULT("{}"),
		  "{\"nodes\":{\"web\":{\"resrve\":\"50mbit\"}},\"schedule\":{},\"shares\":{}}", 0, "", "" },
		/* A name may begin with a '-'. */
		{ { "set", "-a=4", "--dry-run" },
		  STEPS("1", "1", ""),
		  "{\"dry_run\":true,\"schedule\":{},\"shares\":{\"-a\":4}}",
		  0,
		  "nothing would change\n",
		  "" },
		{ { "set", "--dry-run", "web=40" },
		  REFUSAL("0", "0", "no device \\\"web\\\""),
		  "{\"dry_run\":true,\"schedule\":{},\"shares\":{\"web\":40}}",
		  1,
		  "",
		  "divvy: set: no device \"web\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		check_run(&runs[i]);
}

static void test_refused(void **state)
{
	static const struct run runs[] = {
		{ { "apply", "--dry-run", "@" },
		  REFUSAL("3", "9", "no interface eno1"),
		  "{\"dry_run\":true}",
		  1,
		  "",
		  "divvy: apply: @:3:9: no interface eno1\n" },
		{ { "apply", "--dry-run", "--json", "@" },
		  REFUSAL("3", "0", "no interface eno1"),
		  "{\"dry_run\":true}",
		  1,
		  "",
		  "divvy: apply: @:3: no interface eno1\n" },
		{ { "apply", "--json", "@" }, "", NULL, 1, "", "divvy: apply: --json goes with --dry-run\n" },
		{ { "apply", "--dry", "x" },
		  "",
		  NULL,
		  1,
		  "",
		  "divvy: apply: unknown option \"--dry\", expected --dry-run or --json\n" },
		{ { "apply", "--dry-run" }, "", NULL, 1, "", "divvy: apply: expected one FILE\n" },
		{ { "set", "--dry-run" },
		  "",
		  NULL,
		  1,
		  "",
		  "divvy: set: expected at least one NAME=SHARE, such as web=60, NAME.KEY=VALUE, such as web.limit=50mbit, or schedule.KEY=VALUE\n" },
		/* A divvyd that does not know the key passes over it. */
		{ { "apply", "--dry-run", "--json", "@" },
		  RESULT("{\"devices\":1,\"bound\":1}"),
		  "{\"dry_run\":true}",
		  1,
		  "",
		  "divvy: apply: divvyd is older than divvy and knows no dry run: the change was made\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		check_run(&runs[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_several_uplinks),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
