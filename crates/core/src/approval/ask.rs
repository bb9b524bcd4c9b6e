//! Stores a question to the approvers, and a link with a code for each of them.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::StageError;
use crate::model::approval::{Approval, Invitation};
use crate::model::approver::Approver;
use crate::port::KeepRows;
use crate::rows::{self, Update};

use super::{Delivered, Link, QUESTION_VERSION, Question, link_key, question_key, sha256};

/// Letters of codes, without those that people confuse when they type.
const CODE_LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Number of letters in a code: 50 bits.
const CODE_LENGTH: usize = 10;

/// Stores a question with its token, and a link for each address in [`Approval::asked`]. The same token gives the same
/// links again. A newer token replaces the older one, because only the newest attempt waits.
///
/// # Errors
///
/// The table fails.
pub async fn ask(rows: &dyn KeepRows, approval: &Approval, token: &str) -> Result<Vec<Invitation>, StageError> {
    keep_question(rows, approval, token).await?;
    let mut invitations = Vec::new();
    for approver in &approval.asked {
        let invitation = invite(approval, approver, token);
        let link = Link {
            run: approval.run.clone(),
            round: approval.round,
            address: approver.address.clone(),
            login: approver.login.clone(),
            code_sha256: sha256(&invitation.code),
            wrong_codes: 0,
        };
        // An existing link is from an earlier call whose answer was lost.
        rows::create(rows, &link_key(&invitation.id), &link).await?;
        invitations.push(invitation);
    }
    Ok(invitations)
}

async fn keep_question(rows: &dyn KeepRows, approval: &Approval, token: &str) -> Result<(), StageError> {
    let key = question_key(&approval.run, approval.round);
    rows::update(rows, &key, |found: Option<Question>| async move {
        let question = match found {
            Some(found) if found.token == token => return Ok(Update::Keep(())),
            // The question exists, and its decision, if any, goes to the newer token.
            Some(found) => Question {
                token: token.to_owned(),
                delivered: Delivered::No,
                ..found
            },
            None => Question {
                version: QUESTION_VERSION,
                approval: approval.clone(),
                token: token.to_owned(),
                votes: Vec::new(),
                decided: None,
                closed: false,
                delivered: Delivered::No,
            },
        };
        Ok(Update::Write(question, ()))
    })
    .await
}

/// Derives an approver's link and code from the token, which is random and secret: the same question gives the same
/// mail.
fn invite(approval: &Approval, approver: &Approver, token: &str) -> Invitation {
    let address = &approver.address;
    let derive = |what: &str| {
        // HMAC takes keys of any length: the default is never reached.
        let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes())
            .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(format!("{what}\n{}\n{}\n{address}", approval.run, approval.round).as_bytes());
        mac.finalize().into_bytes()
    };
    let letters = derive("code");
    let code = letters.iter().take(CODE_LENGTH);
    Invitation {
        address: address.clone(),
        login: approver.login.clone(),
        id: hex::encode(derive("id")),
        code: code
            .filter_map(|byte| CODE_LETTERS.get(usize::from(byte % 32)))
            .map(|letter| char::from(*letter))
            .collect(),
    }
}
