@G8.3
Feature: The view of a key tells where it lives, who made it, and its attributes
  Operators know keys by the attributes of PKCS#11, of CNG, and of their own.
  They see them at one glance, and find keys by them.

  Background:
    Given the HSM holds the AES key "till" with the id cafe01
    And the HSM group "Payments", synced

  Scenario: A key of an HSM
    Then the view of "till" shows the HSM group "Payments" as connected
    And the view of "till" shows that the group "Payments" made it

  Scenario: A key of an HSM that is out of reach
    Given the HSM is out of reach
    And the administrator is told that "Payments" is not connected
    Then the view of "till" shows the HSM group "Payments" as not connected

  Scenario: An application's key in an ordinary group
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "own" in "Vault"
    Then the view of "own" shows the ordinary group "Vault"
    And the view of "own" shows that the application "billing" made it

  @G6.2
  Scenario: Its PKCS#11 attributes
    Then the PKCS#11 attributes of "till" are "CKA_CLASS CKO_SECRET_KEY; CKA_KEY_TYPE CKK_AES; CKA_ID yv4B; CKA_LABEL till"

  Scenario: Its CNG and custom attributes
    Given the administrator has given "till" the custom attributes "team blue; cng.Key Type machine"
    Then the CNG attributes of "till" are "Algorithm Name AES; Name till; Key Type machine"
    And the custom attributes of "till" are "team blue"

  Scenario Outline: A key is found by its attributes
    Given the HSM holds the RSA pair "tls"
    And "Payments" has been synced again
    And the administrator has given "till" the custom attributes "team blue; cng.Key Type machine"
    When the administrator looks for keys by the <kind> attribute "<name>" of "<value>"
    Then the key "till" is found and no other

    Examples:
      | kind    | name         | value   |
      | PKCS#11 | CKA_KEY_TYPE | CKK_AES |
      | PKCS#11 | CKA_ID       | yv4B    |
      | CNG     | Key Type     | machine |
      | custom  | team         | blue    |
