# Collect photos: opens the page of apertur-bridge that collects photos for this record.
# So that the bridge knows that you may write here, a mark that works once is left on the record.
# Made by `apertur-bridge odoo install-actions`; `odoo remove-actions` takes it away again.
if not records or len(records) != 1:
    raise UserError('Open one record to collect photos for it.')
record = records
marks = env['ir.attachment'].with_context({'no_document': True})
here = [('res_model', '=', record._name), ('res_id', '=', record.id)]
mine = [('create_uid', '=', uid), ('description', '=like', 'apertur-collect:%')]
marks.search(here + mine).unlink()
mark = marks.create({
    'name': 'apertur-collect',
    'type': 'binary',
    'res_model': record._name,
    'res_id': record.id,
})
token = mark.generate_access_token()[0]
# Whoever may read the record sees the digest alone, which opens nothing.
env.cr.execute("SELECT encode(sha256(convert_to(%s, 'UTF8')), 'hex')", [token])
mark.write({'access_token': False, 'description': 'apertur-collect:' + env.cr.fetchone()[0]})
page = @PAGE@
action = {
    'type': 'ir.actions.act_url',
    'url': page + '&mark=' + str(mark.id) + '&token=' + token,
    'target': 'new',
}
