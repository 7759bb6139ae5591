@K8
Feature: An RSA key is used with the paddings that its policy permits
  Encryption by PKCS #1 v1.5 gives away its secrets to who may ask often enough.
  A key keeps to the paddings of its policy, in an HSM as everywhere else.

  Background:
    Given the application "billing" in the ordinary group "Vault" and the HSM group "Payments"

  Scenario Outline: What the policy permits is done
    Given the application has generated the RSA 2048 key "lock" in "<group>"
    And the administrator has permitted "lock" to encrypt using <policy>
    When the application encrypts something with "lock" using <padding>
    Then the application decrypts it again

    Examples:
      | group    | policy                        | padding     |
      | Vault    | every padding                 | PKCS#1 v1.5 |
      | Vault    | PKCS#1 v1.5                   | PKCS#1 v1.5 |
      | Vault    | OAEP                          | OAEP        |
      | Vault    | OAEP with SHA256              | OAEP        |
      | Vault    | PKCS#1 v1.5, OAEP with SHA256 | OAEP        |
      | Payments | every padding                 | PKCS#1 v1.5 |
      | Payments | PKCS#1 v1.5                   | PKCS#1 v1.5 |

  Scenario Outline: What it does not permit is denied
    Given the application has generated the RSA 2048 key "lock" in "<group>"
    And the administrator has permitted "lock" to encrypt using <policy>
    When the application encrypts something with "lock" using <padding>
    Then it is denied

    Examples:
      | group    | policy           | padding     |
      | Vault    | OAEP             | PKCS#1 v1.5 |
      | Vault    | OAEP with SHA384 | OAEP        |
      | Vault    | no padding       | OAEP        |
      | Payments | OAEP             | PKCS#1 v1.5 |
      | Payments | no padding       | PKCS#1 v1.5 |

  Scenario Outline: A new key encrypts using OAEP alone
    Given the application has <made> the RSA 2048 key "lock" <where>
    When the application encrypts something with "lock" using PKCS#1 v1.5
    Then it is denied

    Examples:
      | made      | where           |
      | generated | in "Vault"      |
      | generated | in "Payments"   |
      | imported  | into "Vault"    |
      | imported  | into "Payments" |

  Scenario Outline: Without a padding the first one that is permitted is used
    Given the application has generated the RSA 2048 key "lock" in "Vault"
    And the administrator has permitted "lock" to encrypt using <policy>
    When the application encrypts something with "lock" using whatever it permits
    Then the application decrypts it again using <padding>

    Examples:
      | policy                        | padding     |
      | every padding                 | OAEP        |
      | PKCS#1 v1.5, OAEP with SHA256 | PKCS#1 v1.5 |
      | OAEP with SHA256, PKCS#1 v1.5 | OAEP        |

  Scenario: What was encrypted is not decrypted once the padding is no longer permitted
    Given the application has generated the RSA 2048 key "lock" in "Payments"
    And the administrator has permitted "lock" to encrypt using PKCS#1 v1.5
    And the application has encrypted something with "lock" using PKCS#1 v1.5
    And the administrator has permitted "lock" to encrypt using OAEP
    When the application decrypts it
    Then it is denied

  Scenario: A key that takes the place of another keeps its policy
    Given the application has generated the RSA 2048 key "lock" in "Payments"
    And the administrator has permitted "lock" to encrypt using PKCS#1 v1.5
    And the administrator has rotated "lock"
    When the application encrypts something with "lock" using OAEP
    Then it is denied

  Scenario: A key that was in the HSM before permits every padding
    Given the HSM holds the RSA pair "tls"
    And "Payments" has been synced again
    When the application encrypts something with "tls" using PKCS#1 v1.5
    Then the application decrypts it again

  Scenario Outline: Keys are wrapped using the permitted paddings
    Given the application may export from "<group>"
    And the application has generated the exportable RSA 2048 key "kek" in "<group>"
    And the administrator has permitted "kek" to encrypt using PKCS#1 v1.5
    And the application has generated the exportable AES 256 key "subject" in "<group>"
    When the application wraps "subject" with "kek" using PKCS#1 v1.5
    Then it can be unwrapped into "<group>" as the same key

    Examples:
      | group    |
      | Vault    |
      | Payments |

  Scenario Outline: Keys are not wrapped using others
    Given the application has generated the exportable RSA 2048 key "kek" in "<group>"
    And the application has generated the exportable AES 256 key "subject" in "Vault"
    When the application wraps "subject" with "kek" using PKCS#1 v1.5
    Then it is denied

    Examples:
      | group    |
      | Vault    |
      | Payments |

  Scenario: Nor are they unwrapped using others
    Given the application has generated the exportable RSA 2048 key "kek" in "Vault"
    And the application has generated the exportable AES 256 key "subject" in "Vault"
    And the application has wrapped "subject" with "kek" using OAEP
    And the administrator has permitted "kek" to encrypt using PKCS#1 v1.5
    When the application unwraps it into "Vault"
    Then it is denied

  Scenario Outline: What the policy permits is signed
    Given the application has generated the RSA 2048 key "signer" in "<group>"
    And the administrator has permitted "signer" to sign using <policy>
    When the application signs with "signer" using <padding>
    Then the signature verifies outside the service
    And the service verifies the signature too

    Examples:
      | group    | policy          | padding     |
      | Vault    | PSS             | PSS         |
      | Vault    | PSS with SHA256 | PSS         |
      | Payments | PSS             | PSS         |
      | Payments | PKCS#1 v1.5     | PKCS#1 v1.5 |

  Scenario Outline: What it does not permit is not signed
    Given the application has generated the RSA 2048 key "signer" in "<group>"
    And the administrator has permitted "signer" to sign using <policy>
    When the application signs with "signer" using <padding>
    Then it is denied

    Examples:
      | group    | policy          | padding     |
      | Vault    | PSS             | PKCS#1 v1.5 |
      | Vault    | PSS with SHA512 | PSS         |
      | Payments | PKCS#1 v1.5     | PSS         |
      | Payments | no padding      | PKCS#1 v1.5 |

  Scenario: Nor is its signature verified
    Given the application has generated the RSA 2048 key "signer" in "Payments"
    And the application has signed with "signer" using PKCS#1 v1.5
    And the administrator has permitted "signer" to sign using PSS
    When the application asks whether the signature is good
    Then it is denied

  Scenario Outline: A signature that names no padding has the first one that is permitted
    Given the application has generated the RSA 2048 key "signer" in "<group>"
    And the administrator has permitted "signer" to sign using <policy>
    When the application signs with "signer" using whatever it permits
    Then the signature verifies outside the service as <padding>

    Examples:
      | group    | policy           | padding     |
      | Vault    | every padding    | PKCS#1 v1.5 |
      | Vault    | PSS              | PSS         |
      | Payments | PSS, PKCS#1 v1.5 | PSS         |
