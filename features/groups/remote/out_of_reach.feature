@G7
Feature: Another service that is down is told as not connected
  The virtual keys stay, what needs the other service is refused with a reason,
  and nobody has to do anything when it is back.

  Background:
    Given the HSM is another service
    And the HSM holds the RSA pair "tls"
    And the HSM group "Partner", synced
    And the application "billing" in "Partner"

  Scenario: Its group is not connected
    Given the HSM is out of reach
    When the application signs with "tls"
    Then it is refused because the group is not connected

  Scenario: Its state is told
    Given the HSM is out of reach
    Then "Partner" is not connected

  Scenario: It is used again once it is back
    Given the HSM was out of reach and is back
    When the application signs with "tls"
    Then the signature verifies outside the service
