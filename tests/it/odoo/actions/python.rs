//! The Python of the actions, held to what Odoo's `safe_eval` allows by a real Python.
//!
//! The facts are those of `odoo/tools/safe_eval.py` of 16 to 19: code is compiled, its names must
//! hold no `__` and be none of the unsafe ones, its opcodes must be listed. The list is the oldest
//! one's, 16.0, with what Python 3.12 and 3.13 were given by 17 and 18, which run on them.

use crate::{fakes::odoo::FakeOdoo, servers};

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

/// What Python says of a code, a line each.
fn checked(code: &str) -> Vec<String> {
    use std::{io::Write as _, process::Stdio};
    let mut python = servers::program("python/bin/python")
        .args(["-c", CHECK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{code}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
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
