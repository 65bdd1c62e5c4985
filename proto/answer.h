/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an answer of status says that takes more than one of its keys, for all programs that show it. */

#include <jansson.h>

enum answer_divided {
	ANSWER_DIVIDED,
	ANSWER_NOT_KNOWN, /* packets passed divvy by, and since then too few came to tell */
	ANSWER_UNDIVIDED,
};

/* flow: a device of the answer, or its "rx". Whether packets of one of its vNICs, or of the only one, pass divvy by. */
enum answer_divided answer_divided(const json_t *flow);
