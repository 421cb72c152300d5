//! The Python of the actions: held to what Odoo's `safe_eval` allows, and run, by a real Python.
//!
//! The facts are those of `odoo/tools/safe_eval.py` of 16 to 19: code is compiled, its names must
//! hold no `__` and be none of the unsafe ones, its opcodes must be listed. The list is the oldest
//! one's, 16.0, with what Python 3.12 and 3.13 were given by 17 and 18, which run on them.

use serde_json::{Value as Json, json};

use crate::{fakes::odoo::FakeOdoo, parcel::digest, servers};

/// Reads a code from standard input and says what is not allowed in it, and its free names.
const CHECK: &str = r#"
import dis, sys
SAFE = set('''
POP_TOP ROT_TWO ROT_THREE ROT_FOUR DUP_TOP DUP_TOP_TWO LOAD_CONST RETURN_VALUE BUILD_LIST BUILD_MAP
BUILD_TUPLE BUILD_SET BUILD_CONST_KEY_MAP LIST_EXTEND SET_UPDATE COPY SWAP RESUME UNARY_POSITIVE
UNARY_NEGATIVE UNARY_NOT UNARY_INVERT BINARY_MODULO BINARY_ADD BINARY_SUBSCR BUILD_SLICE LIST_APPEND
MAP_ADD SET_ADD COMPARE_OP IS_OP CONTAINS_OP DICT_MERGE DICT_UPDATE BINARY_OP POP_BLOCK POP_EXCEPT
EXTENDED_ARG MAKE_FUNCTION CALL_FUNCTION CALL_FUNCTION_KW CALL_FUNCTION_EX CALL_METHOD LOAD_METHOD
GET_ITER FOR_ITER YIELD_VALUE JUMP_FORWARD JUMP_ABSOLUTE JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP
POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE SETUP_FINALLY RAISE_VARARGS LOAD_NAME STORE_NAME DELETE_NAME
LOAD_ATTR LOAD_FAST STORE_FAST DELETE_FAST UNPACK_SEQUENCE STORE_SUBSCR LOAD_GLOBAL RERAISE
JUMP_IF_NOT_EXC_MATCH PUSH_NULL PRECALL CALL KW_NAMES POP_JUMP_FORWARD_IF_FALSE
POP_JUMP_FORWARD_IF_TRUE POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE JUMP_BACKWARD
CHECK_EXC_MATCH NOP RETURN_CONST BINARY_SLICE CALL_KW TO_BOOL CACHE
'''.split())
UNSAFE = '''f_builtins f_code f_globals f_locals func_code func_globals co_code _co_code_adaptive mro
tb_frame gi_code gi_frame gi_yieldfrom cr_await cr_code cr_frame ag_await ag_code ag_frame'''.split()
def objects(code):
    yield code
    for const in code.co_consts:
        if hasattr(const, 'co_code'):
            yield from objects(const)
code = compile(sys.stdin.read().strip(), '', 'exec')
for one in objects(code):
    for name in one.co_names:
        if '__' in name or name in UNSAFE:
            print('name', name)
    for step in dis.get_instructions(one):
        if step.opname not in SAFE:
            print('opcode', step.opname)
stored = {s.argval for s in dis.get_instructions(code) if s.opname == 'STORE_NAME'}
loaded = {s.argval for s in dis.get_instructions(code) if s.opname == 'LOAD_NAME'}
print('free', *sorted(loaded - stored))
print('sets', *sorted({'action'} & stored))
"#;

/// Runs a code from standard input for records of a model; says what it called, with what, in what
/// context, and what came of it.
const RUN: &str = r#"
import hashlib, json, sys
given, log = json.loads(sys.argv[1]), []
class UserError(Exception):
    pass
class Set:
    def __init__(self, name, ids, context):
        self._name, self.ids, self.context = name, ids, context
        self.id = ids[0] if ids else False
    def __len__(self):
        return len(self.ids)
    def __getitem__(self, field):
        return Set(field, given['customer'], self.context)
    env = property(lambda self: Env(self.context))
    def say(self, what, *words):
        log.append([what, self._name, *words])
    def with_context(self, context):
        return Set(self._name, self.ids, context)
    def ensure_one(self):
        if len(self.ids) != 1:
            raise ValueError('Expected singleton')
    def search(self, domain, limit=None):
        self.say('search', domain, limit, self.context)
        return Set(self._name, given['found'], self.context)
    def create(self, vals):
        self.say('create', vals, self.context)
        return Set(self._name, [77], self.context)
    def unlink(self):
        self.say('unlink', self.ids)
    def write(self, vals):
        self.say('write', self.ids, vals)
    def generate_access_token(self):
        return ['token-77']
    def message_post(self, **named):
        self.say('message_post', self.ids, named, self.context)
        return Set('mail.message', [55], self.context)
class Cursor:
    def execute(self, sql, params):
        log.append(['sql', sql])
        self.row = [hashlib.sha256(params[0].encode()).hexdigest()]
    def fetchone(self):
        return self.row
class Env:
    cr = Cursor()
    def __init__(self, context):
        self.context = context
    def __getitem__(self, model):
        return Set(model, [], self.context)
names = dict(__builtins__={}, UserError=UserError, len=len, str=str, bool=bool, dict=dict, uid=7)
names['env'] = Env(given['context'])
names['records'] = Set(given['model'], given['ids'], given['context']) if given['ids'] else None
raised = None
try:
    exec(sys.stdin.read(), names)
except (UserError, ValueError) as error:
    raised = [type(error).__name__, str(error)]
print(json.dumps({'log': log, 'action': names.get('action'), 'raised': raised}))
"#;

/// What a code does with what is given to it.
fn ran(code: &str, given: &Json) -> Json {
    serde_json::from_str(&python(&[RUN, &given.to_string()], code)).unwrap()
}

/// What Python says of a code, a line each.
fn checked(code: &str) -> Vec<String> {
    python(&[CHECK], code).lines().map(str::to_owned).collect()
}

/// What a script with its arguments writes of a code.
fn python(script: &[&str], code: &str) -> String {
    use std::{io::Write as _, process::Stdio};
    let mut python = servers::program("python/bin/python")
        .arg("-c")
        .args(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{code}");
    String::from_utf8(output.stdout).unwrap()
}

/// The code of both actions for tasks, as it is at a server.
async fn codes() -> [String; 2] {
    let odoo = FakeOdoo::start(18);
    super::install(&odoo).await;
    let there = super::there(&odoo);
    [2, 3].map(|at| there[at]["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_click_leaves_one_mark_that_holds_a_digest_alone() {
    let [collect, _] = codes().await;
    let given =
        json!({"model": "project.task", "ids": [5], "found": [12, 13], "context": {"lang": "x"}});
    let done = ran(&collect, &given);
    let quiet = json!({"no_document": true});
    let mine = json!([
        ["res_model", "=", "project.task"],
        ["res_id", "=", 5],
        ["create_uid", "=", 7],
        ["description", "=like", "apertur-collect:%"],
    ]);
    let new = json!({
        "name": "apertur-collect", "type": "binary", "res_model": "project.task", "res_id": 5,
    });
    let sealed = json!({
        "access_token": false,
        "description": format!("apertur-collect:{}", digest(b"token-77").to_hex()),
    });
    let wanted = json!([
        ["search", "ir.attachment", mine, null, quiet],
        ["unlink", "ir.attachment", [12, 13]],
        ["create", "ir.attachment", new, quiet],
        ["sql", "SELECT encode(sha256(convert_to(%s, 'UTF8')), 'hex')"],
        ["write", "ir.attachment", [77], sealed],
    ]);
    assert_eq!(done["log"], wanted);
    let action = &done["action"];
    assert_eq!((&action["type"], &action["target"]), (&json!("ir.actions.act_url"), &json!("new")));
    let url = action["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/collect?destination=erp", super::PUBLIC)), "{url}");
    assert!(url.ends_with("&mark=77&token=token-77"), "{url}");
}

#[tokio::test]
async fn a_click_on_several_records_or_none_leaves_nothing() {
    let [collect, _] = codes().await;
    for ids in [json!([]), json!([5, 6])] {
        let given = json!({"model": "project.task", "ids": ids, "found": [], "context": {}});
        let done = ran(&collect, &given);
        let told = json!(["UserError", "Open one record to collect photos for it."]);
        assert_eq!((&done["raised"], &done["log"]), (&told, &json!([])), "{ids}");
    }
}

#[tokio::test]
async fn the_delivery_looks_attaches_and_posts_as_it_is_told() {
    let [_, deliver] = codes().await;
    let key = json!([
        ["res_model", "=", "project.task"],
        ["res_id", "=", 5],
        ["description", "=", "apertur:1"],
    ]);
    let given = |found: Json, customer: Json, ids: Json| {
        let photo = json!({
            "attachment": {"name": "a.jpg", "datas": "eA==", "description": "apertur:1"},
            "context": {"image_no_postprocess": true},
            "message": {"body": "b", "message_type": "comment"},
            "posting": {"mail_create_nosubscribe": true},
            "customer": customer,
        });
        json!({
            "model": "project.task", "ids": ids, "found": found, "customer": [43],
            "context": {"apertur_photo": photo, "default_name": "not to be passed on"},
        })
    };
    let looked = json!(["search", "ir.attachment", key, 1, {}]);
    for (customer, partners) in [(json!("partner_id"), json!([43])), (json!(false), json!(null))] {
        let done = ran(&deliver, &given(json!([]), customer, json!([5])));
        let new = json!({
            "name": "a.jpg", "datas": "eA==", "description": "apertur:1",
            "res_model": "project.task", "res_id": 5,
        });
        let mut message = json!({"body": "b", "message_type": "comment", "attachment_ids": [77]});
        if !partners.is_null() {
            message["partner_ids"] = partners.clone();
        }
        let quietly = json!({"mail_create_nosubscribe": true});
        let wanted = json!([
            looked,
            ["create", "ir.attachment", new, {"image_no_postprocess": true}],
            ["message_post", "project.task", [5], message, quietly],
        ]);
        assert_eq!(done["log"], wanted);
        let infos = json!({"attachment": 77, "message": 55, "told": !partners.is_null()});
        let close = json!({"type": "ir.actions.act_window_close", "infos": infos});
        assert_eq!(done["action"], close);
    }
    let found = ran(&deliver, &given(json!([9]), json!(false), json!([5])));
    assert_eq!(found["log"], json!([looked]));
    assert_eq!(found["action"]["infos"], json!({"attachment": 9, "message": false}));
    let several = ran(&deliver, &given(json!([]), json!(false), json!([5, 6])));
    assert_eq!((&several["raised"][0], &several["log"]), (&json!("ValueError"), &json!([])));
}

#[tokio::test]
async fn the_code_is_what_safe_eval_allows() {
    let odoo = FakeOdoo::start(18);
    super::install(&odoo).await;
    let codes = super::there(&odoo);
    let code = |at: usize| codes[at]["code"].as_str().unwrap().to_owned();
    // Names that server actions are given on every version, and builtins of `safe_eval`.
    assert_eq!(checked(&code(0)), ["free UserError env len records str uid", "sets action"]);
    assert_eq!(checked(&code(1)), ["free bool dict env records", "sets action"]);
}

#[test]
fn the_check_sees_what_is_not_allowed() {
    for (code, wanted) in [
        ("import os", "opcode IMPORT_NAME"),
        ("x.y = 1", "opcode STORE_ATTR"),
        ("x.__class__", "name __class__"),
        ("[a.mro for a in b]", "name mro"),
        ("with a: pass", "opcode BEFORE_WITH"),
        // 16 took them only in later releases.
        ("f'{a} b'", "opcode BUILD_STRING"),
    ] {
        let said = checked(code);
        assert!(said.iter().any(|line| line == wanted), "{code}: {said:?}");
    }
}
