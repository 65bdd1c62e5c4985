/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts that are too large, too deep, or all the same: refused without time or stack growing with them. */
#include "spec/reader.h"
#include "spec/spec.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#define UPLINK "uplinks:\n- name: eno1\n  capacity: 1gbit\n  devices:\n"

/* Refused by its size alone: not one byte can be read. */
static void test_huge_file(void **state)
{
	const size_t size = 10 * 1000 * 1000;
	void *text = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct spec_error err;
	struct model m;

	(void)state;
	assert_true(text != MAP_FAILED);
	assert_int_equal(spec_parse(text, size, &m, &err), -EINVAL);
	assert_string_equal(err.text, "10000000 bytes; a specification has at most 786432");
	munmap(text, size);
}

/* Whatever is repeated up to the largest size: refused, without time or stack growing with its depth. */
static void test_repetition(void **state)
{
	static const char *const heads[] = { "", "uplinks: ", UPLINK "  - ", UPLINK "  - {name: \"" };
	static const char *const pieces[] = {
		"[",      "{",  "- ", "? ",     "{a: ", "a: ",      "? - ",         ",",    "#\n",
		"a: b\n", "\"", "'",  "|\n",    ">\n ", "&a ",      "*a ",          "!a ",  "---\n",
		"\n",     " ",  "a",  "%a b\n", "\\n",  "\xc2\x85", "\xe2\x80\xa8", "a \n", "..."
	};
	_cleanup_free_ char *text = malloc(SPEC_TEXT_MAX);

	(void)state;
	for (size_t h = 0; h < ARRAY_SIZE(heads); h++) {
		for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
			size_t piece = strlen(pieces[p]), n = strlen(heads[h]);
			clock_t start = clock();
			struct spec_error err;
			struct model m;

			memcpy(text, heads[h], n);
			for (; n + piece <= SPEC_TEXT_MAX; n += piece)
				memcpy(text + n, pieces[p], piece);
			assert_int_equal(spec_parse(text, n, &m, &err), -EINVAL);
			/* CPU time, measured at 0.1 s; quadratic would be minutes. */
			if (clock() - start > 5 * CLOCKS_PER_SEC)
				fail_msg("\"%s%s...\" took %ld ms", heads[h], pieces[p],
					 (long)((clock() - start) * 1000 / CLOCKS_PER_SEC));
		}
	}
}

/* The schema descends no further than its own depth; the reader has a bound for whatever schema. */
static void test_reader_depth(void **state)
{
	char text[10000];
	struct spec_error err = { 0 };
	struct reader r;
	int items = 0, ret;

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(reader_open(&r, text, sizeof(text), &err), 0);
	while ((ret = reader_next(&r)) == 0)
		items++;
	reader_close(&r);
	assert_int_equal(ret, -EINVAL);
	assert_int_equal(items, READER_DEPTH_MAX);
	assert_int_equal(err.column, READER_DEPTH_MAX + 1);
	assert_non_null(strstr(err.text, "nested too deeply; expected at most 32 levels"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_huge_file),
		cmocka_unit_test(test_repetition),
		cmocka_unit_test(test_reader_depth),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
