#include "src/rules.h"

struct core_rules rules_of(const struct config *cfg)
{
	enum trust_new t = cfg->trust_new;

	return (struct core_rules){
	    .new_key = cfg->center         ? NEW_KEY_REFUSE
		       : t == TRUST_ACCEPT ? NEW_KEY_ACCEPT
		       : t == TRUST_REFUSE ? NEW_KEY_REFUSE
					   : NEW_KEY_ASK,
	    .accept_named = t == TRUST_DEFAULT && cfg->mode != RUN_SCREEN &&
			    cfg->mode != RUN_PLAIN,
	    .request_texts = 20,
	    .request_bytes = 65536,
	    .max_links = 4096,
	    .max_dials_minute = 8,
	    .max_queued = 10000,
	    .max_unacked = 64,
	    .redial_cap_us = INT64_C(300) * 1000000,
	    .keep_history = cfg->history == HISTORY_FOREVER,
	    .json_claimed = cfg->json_claimed,
	    .center = cfg->center,
	    .login_at = cfg->login_at,
	    .login_user = cfg->login_user,
	    .relay = cfg->relay,
	};
}

const char *rules_word(const struct core_rules *r)
{
	if (r->new_key == NEW_KEY_REFUSE)
		return "refuse";
	return r->new_key == NEW_KEY_ACCEPT || r->accept_named ? "accept"
							       : "ask";
}
