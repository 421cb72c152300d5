# Apertur: attaches a photo to a record and posts it, called by apertur-bridge with its own rights.
# Without it the bridge does the same in several calls.
# Made by `apertur-bridge odoo install-actions`; `odoo remove-actions` takes it away again.
photo = env.context['apertur_photo']
record = records.with_context({})
record.ensure_one()
attachments = record.env['ir.attachment']
found = attachments.search([
    ('res_model', '=', record._name),
    ('res_id', '=', record.id),
    ('description', '=', photo['attachment']['description']),
], limit=1)
done = {'attachment': found.id, 'message': False}
if not found:
    here = {'res_model': record._name, 'res_id': record.id}
    made = attachments.with_context(photo['context']).create(dict(photo['attachment'], **here))
    message = dict(photo['message'], attachment_ids=made.ids)
    customer = photo['customer'] and record[photo['customer']]
    if customer:
        message['partner_ids'] = customer.ids
    posted = record.with_context(photo['posting']).message_post(**message)
    done = {'attachment': made.id, 'message': posted.id}
    done['told'] = bool(message.get('partner_ids'))
action = {'type': 'ir.actions.act_window_close', 'infos': done}
