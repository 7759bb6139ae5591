@K8
Feature: Applications wrap and unwrap keys
  A key leaves only under another one, in a form that everybody else can open,
  and comes back as the same key.

  Scenario Outline: What is wrapped in an ordinary group is unwrapped again
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application may export from "Vault"
    And the application has generated the exportable <wrapper> key "kek" in "Vault"
    And the application has generated the exportable <subject> key "subject" in "Vault"
    When the application wraps "subject" with "kek" using <mode>
    Then it can be unwrapped into "Vault" as the same key

    Examples:
      | wrapper  | subject     | mode |
      | AES 256  | AES 256     | KW   |
      | AES 256  | AES 128     | KWP  |
      | AES 256  | AES 256     | CBC  |
      | AES 256  | AES 256     | GCM  |
      | AES 256  | RSA 2048    | KWP  |
      | AES 256  | EC NistP256 | CBC  |
      | RSA 2048 | AES 256     | OAEP |

  Scenario Outline: What is wrapped in an HSM is unwrapped there again
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application may export from "Payments"
    And the application has generated the exportable <wrapper> key "kek" in "Payments"
    And the application has generated the exportable <subject> key "subject" in "Payments"
    When the application wraps "subject" with "kek" using <mode>
    Then it can be unwrapped into "Payments" as the same key

    Examples:
      | wrapper  | subject | mode |
      | AES 256  | AES 256 | KW   |
      | RSA 2048 | AES 256 | OAEP |

  Scenario Outline: Somebody else opens what was wrapped
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application may export from "Vault"
    And the application has imported the exportable AES 256 key "kek" into "Vault"
    And the application has imported the exportable AES 256 key "subject" into "Vault"
    When the application wraps "subject" with "kek" using <mode>
    Then it unwraps outside the service to the original

    Examples:
      | mode |
      | KW   |
      | KWP  |
      | CBC  |

  Scenario: A changed wrapping is refused without saying why
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application may export from "Vault"
    And the application has generated the exportable AES 256 key "kek" in "Vault"
    And the application has wrapped "kek" with "kek" using KWP
    When the application unwraps it with one bit changed into "Vault"
    Then the decryption is refused

  Scenario: A key without the permission to leave is not wrapped
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application may export from "Vault"
    And the application has generated the AES 256 key "closed" in "Vault"
    When the application wraps "closed" with "closed" using KWP
    Then it is denied

  Scenario: An application without the permission to export wraps nothing
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the exportable AES 256 key "kek" in "Vault"
    When the application wraps "kek" with "kek" using KWP
    Then it is denied

  Scenario: An asymmetric key does not wrap another one
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application may export from "Vault"
    And the application has generated the exportable RSA 2048 key "kek" in "Vault"
    When the application wraps "kek" with "kek" using OAEP
    Then it is refused as invalid

  Scenario: An ordinary key takes what it unwraps into an HSM
    Given the HSM group "Payments"
    And the ordinary group "Vault"
    And the application "billing" in "Vault", which may export from it and use "Payments" too
    And the application has generated the exportable AES 256 key "kek" in "Vault"
    And the application has wrapped "kek" with "kek" using KWP
    When the application unwraps it into "Payments"
    Then the application has the same key again in "Payments"

  Scenario: A key in an HSM is not wrapped by a key outside of it
    Given the HSM group "Payments"
    And the ordinary group "Vault"
    And the application "billing" in "Vault", which may export from it and use "Payments" too
    And the application has generated the exportable AES 256 key "inside" in "Payments"
    And the application has generated the exportable AES 256 key "kek" in "Vault"
    When the application wraps "inside" with "kek" using KWP
    Then it is refused as not supported
