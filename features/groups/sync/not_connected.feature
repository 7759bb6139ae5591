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

  Scenario: An operation is refused with a reason
    Given the HSM is out of reach
    When the application signs with "tls"
    Then it is refused because the group is not connected

  Scenario: A sync is refused with a reason and changes nothing
    Given the HSM is out of reach
    When the administrator syncs "Payments"
    Then it is refused because the group is not connected
    And the key "tls" is not missing

  Scenario: It works again by itself
    Given the HSM was out of reach and is back
    When the application signs with "tls"
    Then the signature verifies outside the service
