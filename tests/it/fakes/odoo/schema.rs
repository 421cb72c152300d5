//! The installed models and their fields: what is not here fails as an unknown model or field.

/// A field's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Char,
    Text,
    Html,
    Int,
    Bool,
    Selection,
    Datetime,
    Binary,
    Many2one(&'static str),
    One2many(&'static str),
    Many2many(&'static str),
}

impl Kind {
    /// The name `fields_get` gives.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Char => "char",
            Kind::Text => "text",
            Kind::Html => "html",
            Kind::Int => "integer",
            Kind::Bool => "boolean",
            Kind::Selection => "selection",
            Kind::Datetime => "datetime",
            Kind::Binary => "binary",
            Kind::Many2one(_) => "many2one",
            Kind::One2many(_) => "one2many",
            Kind::Many2many(_) => "many2many",
        }
    }

    /// The model on the other side of a relation.
    pub(crate) fn relation(self) -> Option<&'static str> {
        match self {
            Kind::Many2one(model) | Kind::One2many(model) | Kind::Many2many(model) => Some(model),
            _ => None,
        }
    }

    fn parse(text: &'static str) -> Kind {
        let (kind, model) = text.split_once('>').unwrap_or((text, ""));
        match kind {
            "char" => Kind::Char,
            "text" => Kind::Text,
            "html" => Kind::Html,
            "int" => Kind::Int,
            "bool" => Kind::Bool,
            "sel" => Kind::Selection,
            "date" => Kind::Datetime,
            "bin" => Kind::Binary,
            "m2o" => Kind::Many2one(model),
            "o2m" => Kind::One2many(model),
            "m2m" => Kind::Many2many(model),
            _ => unreachable!("the schema below names kind {kind}"),
        }
    }
}

/// A model that every database has.
pub(crate) struct Model {
    pub name: &'static str,
    /// As error texts and `ir.model` call it.
    pub label: &'static str,
    pub chatter: bool,
    fields: &'static str,
}

/// Models of a fresh database with base, mail, contacts and project. `helpdesk.ticket` counts only
/// when installed.
pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "res.partner",
        label: "Contact",
        chatter: true,
        fields: "name:char active:bool email:char phone:char comment:html parent_id:m2o>res.partner \
                 user_ids:o2m>res.users company_id:m2o>res.company country_id:m2o>res.country lang:sel tz:sel \
                 ref:char vat:char is_company:bool function:char street:char city:char zip:char type:sel",
    },
    Model {
        name: "res.users",
        label: "User",
        chatter: false,
        fields: "name:char login:char password:char email:char active:bool partner_id:m2o>res.partner \
                 company_id:m2o>res.company company_ids:m2m>res.company lang:sel tz:sel share:bool",
    },
    Model {
        name: "res.company",
        label: "Companies",
        chatter: false,
        fields: "name:char email:char phone:char",
    },
    Model {
        name: "res.country",
        label: "Country",
        chatter: false,
        fields: "name:char code:char phone_code:int",
    },
    Model {
        name: "res.lang",
        label: "Languages",
        chatter: false,
        fields: "name:char code:char active:bool",
    },
    Model {
        name: "res.users.apikeys.description",
        label: "API Key Description",
        chatter: false,
        fields: "name:char duration:sel expiration_date:date",
    },
    Model {
        name: "project.project",
        label: "Project",
        chatter: true,
        fields: "name:char active:bool privacy_visibility:sel",
    },
    Model {
        name: "project.task",
        label: "Task",
        chatter: true,
        fields: "name:char active:bool description:html project_id:m2o>project.project partner_id:m2o>res.partner \
                 user_ids:m2m>res.users priority:sel stage_id:int sequence:int",
    },
    Model {
        name: "helpdesk.ticket",
        label: "Helpdesk Ticket",
        chatter: true,
        fields: "name:char active:bool description:html partner_id:m2o>res.partner user_id:m2o>res.users",
    },
    Model {
        name: "ir.attachment",
        label: "Attachment",
        chatter: false,
        fields: "name:char description:text res_name:char res_model:char res_field:char res_id:int type:sel url:char \
                 public:bool access_token:char raw:bin datas:bin db_datas:bin store_fname:char file_size:int \
                 checksum:char mimetype:char index_content:text company_id:m2o>res.company",
    },
    Model {
        name: "mail.message",
        label: "Message",
        chatter: false,
        fields: "subject:char date:date body:html model:char res_id:int record_name:char message_type:sel \
                 subtype_id:m2o>mail.message.subtype is_internal:bool email_from:char author_id:m2o>res.partner \
                 parent_id:m2o>mail.message partner_ids:m2m>res.partner notified_partner_ids:m2m>res.partner \
                 notification_ids:o2m>mail.notification attachment_ids:m2m>ir.attachment message_id:char reply_to:char",
    },
    Model {
        name: "mail.message.subtype",
        label: "Message subtypes",
        chatter: false,
        fields: "name:char description:text internal:bool default:bool res_model:char",
    },
    Model {
        name: "mail.notification",
        label: "Message Notifications",
        chatter: false,
        fields: "mail_message_id:m2o>mail.message res_partner_id:m2o>res.partner notification_type:sel \
                 notification_status:sel failure_type:sel is_read:bool",
    },
    Model {
        name: "ir.model",
        label: "Models",
        chatter: false,
        fields: "name:char model:char is_mail_thread:bool transient:bool",
    },
    Model {
        name: "ir.config_parameter",
        label: "System Parameter",
        chatter: false,
        fields: "key:char value:text",
    },
    Model {
        name: "ir.actions.server",
        label: "Server Action",
        chatter: false,
        fields: "name:char model_id:m2o>ir.model model_name:char binding_model_id:m2o>ir.model binding_type:sel \
                 binding_view_types:char state:sel code:text usage:sel sequence:int xml_id:char type:char help:html",
    },
    Model {
        name: "ir.actions.actions",
        label: "Actions",
        chatter: false,
        fields: "name:char type:char xml_id:char help:html",
    },
    Model {
        name: "ir.model.data",
        label: "Model Data",
        chatter: false,
        fields: "name:char module:char model:char res_id:int noupdate:bool complete_name:char",
    },
    Model {
        name: "mail.compose.message",
        label: "Email composition wizard",
        chatter: false,
        fields: "subject:char body:html",
    },
];

const MAGIC: &str = "id:int display_name:char create_uid:m2o>res.users create_date:date write_uid:m2o>res.users write_date:date";
const CHATTER: &str = "message_ids:o2m>mail.message message_follower_ids:o2m>mail.followers \
    message_partner_ids:m2m>res.partner message_is_follower:bool message_attachment_count:int";
/// A model that a test installs: only what every chatter model has.
const INSTALLED: &str = "name:char active:bool partner_id:m2o>res.partner";

/// Looks a model up by name; `None` is also the answer for models a test installed.
pub(crate) fn model(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}

/// All fields of a model in this version.
pub(crate) fn fields(version: u32, name: &str) -> Vec<(&'static str, Kind)> {
    let known = model(name);
    let own = known.map_or(INSTALLED, |model| model.fields);
    let chatter = if known.is_none_or(|model| model.chatter) { CHATTER } else { "" };
    let groups = match (name, version) {
        ("res.users", ..=18) => "groups_id:m2m>res.groups",
        ("res.users", _) => "group_ids:m2m>res.groups all_group_ids:m2m>res.groups",
        ("ir.actions.server", ..=18) => "groups_id:m2m>res.groups",
        ("ir.actions.server", _) => "group_ids:m2m>res.groups",
        _ => "",
    };
    [MAGIC, own, chatter, groups]
        .into_iter()
        .flat_map(str::split_whitespace)
        .filter_map(|field| field.split_once(':'))
        .map(|(field, kind)| (field, Kind::parse(kind)))
        .collect()
}

/// The type of one field.
pub(crate) fn kind(version: u32, model: &str, field: &str) -> Option<Kind> {
    fields(version, model).into_iter().find(|(name, _)| *name == field).map(|(_, kind)| kind)
}
