@G7
Feature: An HSM that is out of reach is shown plainly
  Everything that is known stays visible; what needs the HSM is refused with a
  reason, and works again by itself once the HSM is back.

  Background:
    Given the HSM holds the RSA pair "tls"
    And the HSM group "Payments", synced
    And the application "billing" in "Payments"

  Scenario: The virtual keys stay
    Given the HSM is out of reach
    Then "Payments" is not connected
    And the key "tls" is still a virtual key of "Payments"

  Scenario: They can still be found
    Given the HSM is out of reach
    When the administrator looks for keys with the CKA_LABEL "tls"
    Then the key "tls" is found and no other

  Scenario: An operation is refused with a reason
    Given the HSM is out of reach
    When the application signs with "tls"
    Then it is refused because the group is not connected

  Scenario: A new key is refused with a reason, and its name stays free
    Given the HSM is out of reach
    When the application generates the AES 256 key "fresh" in "Payments"
    Then it is refused because the group is not connected
    And there is no key "fresh"

  Scenario: An import is refused with a reason
    Given the HSM is out of reach
    When the application imports the RSA 2048 key "given" into "Payments"
    Then it is refused because the group is not connected

  Scenario: A sync is refused with a reason and changes nothing
    Given the HSM is out of reach
    When the administrator syncs "Payments"
    Then it is refused because the group is not connected
    And the key "tls" is not missing

  Scenario: A sync in the background tells the reason in its history
    Given the HSM is out of reach
    When the administrator has "Payments" synced in the background
    Then the sync of "Payments" ends because the group is not connected
    And the key "tls" is not missing

  Scenario: It works again by itself
    Given the HSM was out of reach and is back
    When the application signs with "tls"
    Then the signature verifies outside the service

  Scenario: A sync works again by itself
    Given the HSM was out of reach and is back
    When the administrator syncs "Payments"
    Then 0 new keys are reported
    And the key "tls" is not missing
