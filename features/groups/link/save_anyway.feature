@G3.5
Feature: A group is saved though its connection does not work
  Gateways are often set up after the group, by somebody else. Nothing that
  was typed may be lost, and everything can be mended later.

  Scenario: A group whose gateway does not answer is saved
    When the administrator links the group "Payments" to a gateway that does not answer
    Then the group "Payments" is an HSM group of kind SoftHSM
    And "Payments" is not connected

  Scenario: A wrong PIN is mended later
    Given the HSM group "Payments" with a wrong PIN
    When the administrator corrects the PIN of "Payments"
    Then "Payments" is connected

  Scenario: A wrong slot is mended later without giving the PIN again
    Given the HSM group "Payments" with a wrong slot
    When the administrator corrects the slot of "Payments"
    Then "Payments" is connected
