//! Asking: the question's row, and a link with a code for each person who is asked.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::StageError;
use crate::model::approval::{Approval, Invitation};
use crate::model::approver::Approver;
use crate::port::KeepRows;
use crate::rows::{self, Update};

use super::{Delivered, Link, QUESTION_VERSION, Question, link_key, question_key, sha256};

/// Letters of codes: none that is taken for another one when it is typed by hand.
const CODE_LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Letters of a code: 50 bits.
const CODE_LENGTH: usize = 10;

/// Stores a question with its token, and a link for each address in [`Approval::asked`]. Asked again with the same token,
/// the links are the same; a newer token takes the older one's place as long as nothing is decided: only the newest attempt
/// waits. Errors: what the table says.
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
        // One that is there already was written by a call whose answer was lost.
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
            // Somebody was faster than the attempt that asks again: the decision goes to the newer token.
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

/// Derived from the token, which is random and secret: the same question gives the same mail.
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
