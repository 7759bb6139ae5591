@H4.3 @balanced
Feature: An HSM behind a load balancer loses its keys
  Its gateway runs and its library answers, but the token is not what it was.
  Requests must go where the keys still are, and must not be told that there is no key.

  Background:
    Given the HSM group "Payments" over a load balancer with two gateways, and the application "billing"

  Scenario: No use of a key fails
    Given the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own
    When the copy is removed
    Then the load balancer sends everything to the other gateway
    And no use of a key has failed

  Scenario: A token with the old name and number and without keys
    Given the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own
    When the copy is initialised anew
    Then the load balancer sends everything to the other gateway
    And no use of a key has failed

  Scenario: Its gateway gets its share again when the keys of the token are back
    Given the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own
    And the copy was initialised anew and the load balancer has noticed
    When the copy is restored
    Then the load balancer sends requests to both gateways
    And no use of a key has failed

  Scenario: Its gateway gets its share again when the keys are back
    Given the application uses keys of "Payments" all the time
    And a gateway's HSM is a copy of its own
    And the copy was removed and the load balancer has noticed
    When the copy is restored
    Then the load balancer sends requests to both gateways
    And no use of a key has failed
